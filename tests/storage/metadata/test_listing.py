"""Pages of keys, against a naive model and by hand."""

from __future__ import annotations

import hypothesis
from hypothesis import given, strategies

from tests.storage.metadata.connections import OnPostgreSQL, OnSQLite
from tests.storage.metadata.examples import FULL, stored
from tests.storage.metadata.naive import naive_page
from tests.storage.metadata.texts import delimiters, keys, limits, prefixes, texts
from twisted_aigate.storage.metadata import objects, paging
from twisted_aigate.storage.models import Listing

_settings = hypothesis.settings(deadline=None, max_examples=200)


class ListingContract:
    def put(self, *names: str, **more: object) -> None:
        for name in names:
            objects.put(self.conn, stored(name, **more))

    def page(
        self,
        prefix: str = "",
        delimiter: str = "",
        after: str = "",
        limit: int = 1000,
        now: float = 0.0,
    ) -> Listing:
        return objects.list_page(self.conn, "bucket", prefix, delimiter, after, limit, now)

    def check(self, listing: Listing, names: list[str], groups: list[str], more: object) -> None:
        self.assertEqual([obj.key for obj in listing.objects], names)
        self.assertEqual(list(listing.prefixes), groups)
        self.assertEqual(listing.next_key, more)

    def test_what_is_listed_of_an_object(self) -> None:
        self.put("key", **FULL)
        (listed,) = self.page().objects
        whole = stored("key", **FULL)
        for name in ("bucket", "key", "size", "etag", "content_type", "uploaded_at", "expires_at"):
            self.assertEqual(getattr(listed, name), getattr(whole, name))
        self.assertEqual(listed.checksum, whole.checksum)
        self.assertEqual(listed.blobs, ())

    def test_pages_follow_each_other(self) -> None:
        self.put("a", "b/1", "b/2", "c", "d/1", "d/2", "e")
        self.check(self.page("", "/", "", 2), ["a"], ["b/"], "b/")
        self.check(self.page("", "/", "b/", 2), ["c"], ["d/"], "d/")
        self.check(self.page("", "/", "d/", 2), ["e"], [], None)

    def test_the_last_page_is_exactly_full(self) -> None:
        self.put("a", "b/1", "b/2")
        self.check(self.page("", "/", "", 2), ["a"], ["b/"], None)

    def test_after_a_key_inside_a_group_the_group_comes_once_more(self) -> None:
        self.put("b/1", "b/2", "b/3", "c")
        self.check(self.page("", "/", "b/1"), ["c"], ["b/"], None)
        self.check(self.page("", "/", "b/3"), ["c"], [], None)

    def test_a_key_that_is_its_own_common_prefix(self) -> None:
        self.put("b/", "b/1")
        self.check(self.page("", "/"), [], ["b/"], None)
        self.check(self.page("b/", "/"), ["b/", "b/1"], [], None)

    def test_nothing_is_asked_for(self) -> None:
        self.put("a", "b")
        self.check(self.page(limit=0), [], [], None)

    def test_expired_objects_and_groups_of_them_are_not_listed(self) -> None:
        self.put("a", "b/1", "c/1", expires_at=10)
        self.put("b/2", "d")
        self.check(self.page("", "/", now=10), ["d"], ["b/"], None)

    def test_other_buckets_are_not_listed(self) -> None:
        self.put("a", bucket="bucket2")
        self.put("b", bucket="bucke")
        self.check(self.page(), [], [], None)

    def test_a_nul_is_in_no_key_but_may_be_asked_for(self) -> None:
        self.put("a", "b")
        self.check(self.page(prefix="a\0"), [], [], None)
        self.check(self.page(delimiter="\0"), ["a", "b"], [], None)
        self.check(self.page(after="a\0z"), ["b"], [], None)
        self.check(self.page(after="\0"), ["a", "b"], [], None)

    def test_many_keys_under_few_groups_take_few_looks(self) -> None:
        self.put(*(f"{group}/{number:03d}" for group in "abcd" for number in range(200)))
        looks = []
        execute = self.conn.execute
        self.patch(self.conn, "execute", lambda *args: looks.append(args) or execute(*args))
        self.check(self.page("", "/"), [], ["a/", "b/", "c/", "d/"], None)
        self.assertLessEqual(len(looks), 5)

    def test_more_keys_than_are_read_at_once(self) -> None:
        names = [f"{number:05d}" for number in range(2 * 1024 + 10)]
        self.put(*names)
        self.check(self.page(limit=5000), names, [], None)
        self.check(self.page(delimiter="/", limit=5000), names, [], None)
        self.check(self.page(delimiter="/", limit=1500), names[:1500], [], names[1499])

    def test_as_the_naive_model_does(self) -> None:
        @_settings
        @given(strategies.sets(keys, max_size=25), prefixes, delimiters, limits, strategies.data())
        def check(
            names: set[str], prefix: str, delimiter: str, limit: int, data: strategies.DataObject
        ) -> None:
            self.afresh()
            self.put(*names)
            after = data.draw(texts | strategies.sampled_from(sorted(names) or [""]))
            expected = naive_page(
                [(name, "") for name in names], prefix, delimiter, after, "", limit
            )
            page = self.page(prefix, delimiter, after, limit)
            last = expected.entries[-1] if expected.truncated else None
            self.check(
                page,
                [entry[0] for entry in expected.entries if not isinstance(entry, str)],
                [entry for entry in expected.entries if isinstance(entry, str)],
                last[0] if isinstance(last, tuple) else last,
            )

        check()

    def test_pages_together_are_the_whole(self) -> None:
        @_settings
        @given(strategies.sets(keys, max_size=25), prefixes, delimiters, strategies.integers(1, 4))
        def check(names: set[str], prefix: str, delimiter: str, limit: int) -> None:
            self.afresh()
            self.put(*names)
            found, groups, after = [], [], ""
            while after is not None:
                page = self.page(prefix, delimiter, after, limit)
                found += [obj.key for obj in page.objects]
                groups += page.prefixes
                after = page.next_key
            self.check(self.page(prefix, delimiter), found, groups, None)

        check()


class SQLiteListingTests(ListingContract, OnSQLite):
    def test_the_rows_of_a_list_are_read_in_order_of_their_keys(self) -> None:
        plan = []
        for name in ("_list", "_list_to_end"):
            statement = getattr(objects, name).compile(self.conn.engine)
            rows = self.conn.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", tuple(1 for _ in statement.positiontup)
            )
            plan += [row.detail for row in rows]
        self.assertEqual(
            plan,
            [
                "SEARCH objects USING PRIMARY KEY (bucket=? AND key>? AND key<?)",
                "SEARCH objects USING PRIMARY KEY (bucket=? AND key>?)",
            ],
        )


class PostgreSQLListingTests(ListingContract, OnPostgreSQL):
    pass


class BehindTests(OnSQLite):
    def test_behind(self) -> None:
        for prefix, expected in (
            ("a", "b"),
            ("a\U0010ffff", "b"),
            ("\ud7ff", "\ue000"),
            ("\uffff", "\U00010000"),
            ("\U0010ffff\U0010ffff", None),
            ("", None),
        ):
            self.assertEqual(paging.behind(prefix), expected)
