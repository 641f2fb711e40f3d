"""Forms that are none, or too large."""

from __future__ import annotations

from tests.support.edge import head
from tests.web.test_multipart import END, FIELD, FILE, FormCase, part
from twisted_aigate.kernel.units import MB


class RefusalTests(FormCase):
    def test_another_content_type_is_400(self) -> None:
        for content_type in (
            "A: b",
            "Content-Type: application/json",
            "Content-Type: multipart/form-data",
            "Content-Type: multipart/form-data; boundary=",
            "Content-Type: multipart/mixed; boundary=XX",
            "Content-Type: multipart/form-data; boundary=" + "x" * 2000,
            "Content-Type: \xff",
        ):
            wire = self.send(FIELD + END, content_type=content_type)
            self.assertEqual(wire.answers()[-1].status, 400, content_type)

    def test_bad_forms_are_400_and_leave_no_file_open(self) -> None:
        for body in (
            b"",
            b"junk",
            b"junk" * 10,
            FIELD,
            FILE,
            FILE[:-5],
            FILE + FILE[:20],
            FIELD + END + b"more",
            FILE + part(b"x", "filename=nameless"),
            FILE + b"--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n" + END,
            FILE + b"--XX\r\nno header\r\n\r\nx\r\n" + END,
            FILE + b"--XX\r\n\r\nx\r\n" + END,
            FILE + b"--XX\nContent-Disposition: form-data; name=a\n\nx\n" + END,
            FILE + part(b"\xff", 'name="a"') + END,
            FILE + b"--XXjunk\r\n" + END,
        ):
            wire = self.send(*filter(None, (body[:30], body[30:])))
            if body == FIELD + END + b"more":
                self.assertIn(wire.answers()[-1].status, (200, 400))
                continue
            self.assertEqual(wire.answers()[-1].status, 400, body)
            self.assertEqual(self.open_files(), 0, body)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_field_that_is_not_utf_8_is_named(self) -> None:
        wire = self.send(part(b"\xff", 'name="prompt"') + END)
        self.assertIn(b"prompt", wire.answer().body)

    def test_a_form_over_the_limit_is_413_before_it_is_read(self) -> None:
        self.limit = 100
        wire = self.wire()
        wire.send(
            head(
                "POST",
                "/form",
                "Content-Type: multipart/form-data; boundary=XX",
                "Content-Length: 101",
                "Expect: 100-continue",
            )
        )
        self.assertEqual(wire.statuses, [413])

    def test_a_chunked_form_over_the_limit_is_413_and_leaves_no_file_open(self) -> None:
        self.limit = len(FILE) + 10
        wire = self.wire()
        wire.send(
            head(
                "POST",
                "/form",
                "Content-Type: multipart/form-data; boundary=XX",
                "Transfer-Encoding: chunked",
            )
        )
        wire.send(b"%x\r\n%b\r\n" % (len(FILE) - 8, FILE[:-8]))
        self.assertEqual(self.open_files(), 1)
        wire.send(b"14\r\n" + b"x" * 20 + b"\r\n")
        self.assertEqual(wire.statuses, [413])
        self.assertEqual(self.open_files(), 0)

    def test_too_much_in_fields_is_413_and_stays_so_whatever_follows(self) -> None:
        big = part(b"x" * (1 * MB + 1), 'name="a"')
        self.assertEqual(self.send(big + END).answer().status, 413)
        wire = self.send(FILE, big, FIELD, b"junk", END)
        self.assertEqual(wire.answer().status, 413)
        self.assertEqual(self.open_files(), 0)

    def test_fields_count_together(self) -> None:
        half = part(b"x" * (1 * MB // 2), 'name="a"')
        self.assertEqual(self.send(half + half + END).answer().status, 200)
        self.assertEqual(self.send(half + half + FIELD + END).answer().status, 413)

    def test_too_many_parts_are_refused(self) -> None:
        self.assertEqual(self.send(FIELD * 128 + END).answer().status, 200)
        self.assertIn(self.send(FIELD * 129 + END).answer().status, (400, 413))

    def test_what_is_wrong_stays_told_when_more_comes(self) -> None:
        wire = self.send(b"--XX\r\nno header\r\n\r\n", FIELD, FIELD + END)
        self.assertIn(b"alformed", wire.answer().body)

    def test_a_disk_that_is_full_is_500_and_leaves_no_file_open(self) -> None:
        self.folder.rmdir()
        self.assertEqual(self.send(FILE + END).answer().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(self.open_files(), 0)
