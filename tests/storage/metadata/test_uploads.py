"""Multipart uploads in the database."""

from __future__ import annotations

import hypothesis
from attrs import evolve
from hypothesis import given, strategies
from sqlalchemy.exc import IntegrityError

from tests.storage.metadata.connections import OnPostgreSQL, OnSQLite
from tests.storage.metadata.examples import FULL, part, stored, upload
from tests.storage.metadata.naive import naive_page
from tests.storage.metadata.texts import delimiters, keys, limits, prefixes, texts
from twisted_aigate.storage.metadata import garbage, objects, uploads
from twisted_aigate.storage.models import BlobRef, Checksum


class UploadsContract:
    def garbage(self) -> set[str]:
        return set(garbage.take(self.conn, 1000))

    def test_what_is_created_is_got(self) -> None:
        plain = upload("1")
        full = upload(
            "2",
            headers=FULL["headers"],
            metadata=FULL["metadata"],
            tags=FULL["tags"],
            checksum_algorithm="SHA256",
            checksum_type="COMPOSITE",
        )
        for made in (plain, full):
            uploads.create(self.conn, made)
            self.assertEqual(uploads.get(self.conn, made.id, "bucket", "key"), made)

    def test_an_upload_is_to_one_key(self) -> None:
        uploads.create(self.conn, upload("1"))
        self.assertIsNone(uploads.get(self.conn, "1", "bucket", "other"))
        self.assertIsNone(uploads.get(self.conn, "1", "other", "key"))
        self.assertIsNone(uploads.get(self.conn, "2", "bucket", "key"))

    def test_an_id_is_taken_once(self) -> None:
        uploads.create(self.conn, upload("1"))
        with self.assertRaises(ValueError):
            uploads.create(self.conn, upload("1", "other"))

    def test_parts_are_listed_by_number(self) -> None:
        uploads.create(self.conn, upload("1"))
        uploads.create(self.conn, upload("2"))
        made = [part(number) for number in (1, 2, 9, 10, 10_000)]
        made[1] = evolve(made[1], checksum=Checksum("CRC32C", "AAAAAA=="))
        for one in reversed(made):
            self.assertTrue(uploads.put_part(self.conn, "1", one))
        uploads.put_part(self.conn, "2", part(3))
        self.assertEqual(uploads.list_parts(self.conn, "1", 0, 10_000), made)
        self.assertEqual(uploads.list_parts(self.conn, "1", 1, 2), made[1:3])
        self.assertEqual(uploads.list_parts(self.conn, "1", 10_000, 2), [])

    def test_size_beside_a_part(self) -> None:
        """Of the other parts of that upload, as they are now."""
        for name in ("1", "2"):
            uploads.create(self.conn, upload(name))
        self.assertEqual(uploads.size_beside(self.conn, "1", 1), 0)
        made = [evolve(part(number), blob=BlobRef(f"b{number}", 2**33)) for number in (1, 2, 3)]
        for one in made[:2]:
            uploads.put_part(self.conn, "1", one)
        uploads.put_part(self.conn, "2", made[2])
        found = [uploads.size_beside(self.conn, "1", number) for number in (1, 2, 3)]
        self.assertEqual(found, [2**33, 2**33, 2**34])
        uploads.put_part(self.conn, "1", evolve(made[0], blob=BlobRef("c", 5)))
        self.assertEqual(uploads.size_beside(self.conn, "1", 3), 2**33 + 5)

    def test_a_replaced_part_is_garbage(self) -> None:
        uploads.create(self.conn, upload("1"))
        first, second = part(1), part(1)
        uploads.put_part(self.conn, "1", first)
        uploads.put_part(self.conn, "1", second)
        self.assertEqual(uploads.list_parts(self.conn, "1", 0, 10), [second])
        self.assertEqual(self.garbage(), {first.blob.id})

    def test_a_part_of_no_upload(self) -> None:
        self.assertFalse(uploads.put_part(self.conn, "1", part(1)))
        self.assertEqual(uploads.list_parts(self.conn, "1", 0, 10), [])

    def test_complete(self) -> None:
        uploads.create(self.conn, upload("1"))
        made = [part(number) for number in (1, 2, 3)]
        for one in made:
            uploads.put_part(self.conn, "1", one)
        before = stored("key")
        objects.put(self.conn, before)
        used = (made[0].blob, made[2].blob)
        obj = stored("key", *used, part_sizes=(10, 10))
        self.assertTrue(uploads.complete(self.conn, "1", obj, [ref.id for ref in used]))
        self.assertEqual(objects.get(self.conn, "bucket", "key", 0), obj)
        self.assertEqual(self.garbage(), {made[1].blob.id, before.blobs[0].id})
        self.assertIsNone(uploads.get(self.conn, "1", "bucket", "key"))
        self.assertEqual(uploads.list_parts(self.conn, "1", 0, 10), [])
        ids = {one.blob.id for one in made}
        self.assertEqual(garbage.referenced(self.conn, ids), {ref.id for ref in used})

    def test_complete_of_no_upload(self) -> None:
        obj = stored("key")
        self.assertFalse(uploads.complete(self.conn, "1", obj, [obj.blobs[0].id]))
        self.assertIsNone(objects.get(self.conn, "bucket", "key", 0))

    def test_abort(self) -> None:
        uploads.create(self.conn, upload("1"))
        made = [part(number) for number in (1, 2)]
        for one in made:
            uploads.put_part(self.conn, "1", one)
        self.assertTrue(uploads.abort(self.conn, "1"))
        self.assertFalse(uploads.abort(self.conn, "1"))
        self.assertIsNone(uploads.get(self.conn, "1", "bucket", "key"))
        self.assertEqual(self.garbage(), {one.blob.id for one in made})

    def test_abort_all_of_a_bucket(self) -> None:
        for number, bucket in enumerate(("bucket", "bucket", "other")):
            uploads.create(self.conn, upload(str(number), bucket=bucket))
            uploads.put_part(self.conn, str(number), part(1))
        uploads.abort_all(self.conn, "bucket")
        self.assertEqual([one.id for one in uploads.stale(self.conn, 1e9, 10)], ["2"])
        self.assertEqual(len(self.garbage()), 2)

    def test_a_blob_belongs_to_one_part(self) -> None:
        uploads.create(self.conn, upload("1"))
        one = part(1)
        uploads.put_part(self.conn, "1", one)
        with self.assertRaises(IntegrityError):
            uploads.put_part(self.conn, "1", evolve(one, number=2))

    def test_stale_are_the_oldest_first(self) -> None:
        made = [upload(str(n), initiated_at=float(n)) for n in (3, 1, 2, 4)]
        for one in made:
            uploads.create(self.conn, one)
        self.assertEqual([one.id for one in uploads.stale(self.conn, 4.0, 10)], ["1", "2", "3"])
        self.assertEqual(uploads.stale(self.conn, 4.0, 1), [made[1]])

    def test_pages_follow_each_other(self) -> None:
        for upload_id, key in (("3", "a"), ("1", "a"), ("2", "a"), ("4", "b/1"), ("5", "c")):
            uploads.create(self.conn, upload(upload_id, key))
        uploads.create(self.conn, upload("6", "a", bucket="other"))
        pages, marker = [], ("", "")
        while marker[0] is not None:
            page = uploads.list_page(self.conn, "bucket", "", "/", *marker, 2)
            pages.append(([one.id for one in page.uploads], list(page.prefixes)))
            marker = (page.next_key, page.next_upload_id)
        self.assertEqual(pages, [(["1", "2"], []), (["3"], ["b/"]), (["5"], [])])

    def test_without_an_id_the_whole_key_is_passed_over(self) -> None:
        for upload_id, key in (("1", "a"), ("2", "a"), ("3", "b")):
            uploads.create(self.conn, upload(upload_id, key))
        page = uploads.list_page(self.conn, "bucket", "", "", "a", "", 10)
        self.assertEqual([one.id for one in page.uploads], ["3"])

    def test_as_the_naive_model_does(self) -> None:
        ids = strategies.sampled_from(["", "1", "2", "3"])

        @hypothesis.settings(deadline=None, max_examples=150)
        @given(
            strategies.lists(keys, max_size=12),
            prefixes,
            delimiters,
            texts,
            strategies.booleans(),
            ids,
            limits,
        )
        def check(
            names: list[str],
            prefix: str,
            delimiter: str,
            after: str,
            after_one: bool,
            after_id: str,
            limit: int,
        ) -> None:
            self.afresh()
            if after_one and names:
                after = names[0]
            rows = [(name, f"{place:02d}") for place, name in enumerate(names * 2)]
            for name, upload_id in rows:
                uploads.create(self.conn, upload(upload_id, name))
            after_id = f"0{after_id}" if after and after_id else ""
            expected = naive_page(rows, prefix, delimiter, after, after_id, limit)
            page = uploads.list_page(self.conn, "bucket", prefix, delimiter, after, after_id, limit)
            self.assertEqual(
                [(one.key, one.id) for one in page.uploads],
                [entry for entry in expected.entries if not isinstance(entry, str)],
            )
            self.assertEqual(
                list(page.prefixes), [one for one in expected.entries if isinstance(one, str)]
            )
            last = expected.entries[-1] if expected.truncated else (None, "")
            last = (last, "") if isinstance(last, str) else last
            self.assertEqual((page.next_key, page.next_upload_id), last)

        check()


class SQLiteUploadsTests(UploadsContract, OnSQLite):
    pass


class PostgreSQLUploadsTests(UploadsContract, OnPostgreSQL):
    pass
