"""What requests say of copies, and of parts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.web.ranges import is_unchanged, matches, read_moment, read_range

_AT = 784_111_777
_DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


class RangeTests(SynchronousTestCase):
    def test_parts(self) -> None:
        for value, part in (
            (b"bytes=0-0", (0, 1)),
            (b" bytes=2-4 ", (2, 3)),
            (b"bytes=7-", (7, 3)),
            (b"bytes=7-99", (7, 3)),
            (b"bytes=-3", (7, 3)),
            (b"bytes=-99", (0, 10)),
            (b"bytes=0-" + b"9" * 5000, (0, 10)),
        ):
            with self.subTest(value):
                wanted = read_range(value)
                assert wanted is not None
                self.assertEqual(wanted.of(10), part)

    def test_parts_that_there_are_not(self) -> None:
        for value in (b"bytes=10-", b"bytes=10-12", b"bytes=-0", b"bytes=" + b"9" * 5000 + b"-"):
            with self.subTest(value):
                wanted = read_range(value)
                assert wanted is not None
                self.assertLessEqual(wanted.of(10)[1], 0)

    def test_the_whole_where_the_field_is_not_valid(self) -> None:
        for value in (
            None, b"", b"bytes=-", b"bytes=4-2", b"bytes=0-1,3-4", b"items=0-1", b"bytes=a-b",
            b"bytes=+1-2", b"bytes=0 - 1",
        ):  # fmt: skip
            with self.subTest(value):
                self.assertIsNone(read_range(value))


class CopyTests(SynchronousTestCase):
    def test_moments(self) -> None:
        self.assertEqual(read_moment(_DATE), _AT)
        for value in (None, b"", b"yesterday", b"\xff", b"Sun, 99 Nov 1994 08:49:37 GMT"):
            with self.subTest(value):
                self.assertIsNone(read_moment(value))

    def test_tags(self) -> None:
        for tags in (b'"x"', b'"y", "x"', b"*"):
            with self.subTest(tags):
                self.assertTrue(matches(tags, "x"))
        for tags in (b'"y"', b'"xx"', b"", b"x", b'W/"x"'):
            with self.subTest(tags):
                self.assertFalse(matches(tags, "x"))
        self.assertTrue(matches(b'W/"x"', "x", weakly=True))
        self.assertTrue(matches(b"y, x", "x", bare=True))

    def test_a_part_of_what_has_changed_is_not_given(self) -> None:
        for value in (None, b'"x"', _DATE):
            with self.subTest(value):
                self.assertTrue(is_unchanged(value, "x", _AT + 0.9))
        for value in (b'"y"', b'W/"x"', b"*", b"x", b"Sun, 06 Nov 1994 08:49:36 GMT", b"yesterday"):
            with self.subTest(value):
                self.assertFalse(is_unchanged(value, "x", _AT))
        self.assertTrue(is_unchanged(b"x", "x", _AT, bare=True))
