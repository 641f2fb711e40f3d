"""From forms to calls."""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.calls import FormCall, Task, Upload
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.forms import FORMS, form_call


def _upload(name: str) -> Upload:
    return Upload(name, io.BytesIO(b"x"), "x.png", "image/png", 1)


def _call(task: Task, *fields: tuple[str, str], files: tuple[str, ...] | None = None) -> FormCall:
    names = FORMS[task].files[:1] if files is None else files
    return form_call(task, (("model", "m"), *fields), map(_upload, names))


class FormCallTests(SynchronousTestCase):
    """What becomes of a form."""

    def refused(
        self, task: Task, *fields: tuple[str, str], files: tuple[str, ...] | None = None
    ) -> str | None:
        """The field that a form is refused for."""
        error = self.assertRaises(GatewayError, _call, task, *fields, files=files)
        self.assertEqual(error.status, 400)
        return error.param

    def test_all_that_is_said_travels(self) -> None:
        """Every field and file, known or not, in order; ours do not."""
        fields = (("prompt", "p"), ("a[]", "1"), ("a[]", "2"), ("n", "2"), ("empty", ""))
        call = _call(
            Task.IMAGE_EDIT,
            *fields,
            ("mock_response", "x"),
            ("extra_headers", '{"X-A": "1", "Host": "h"}'),
            ("extra_headers[X-B]", "2"),
            files=("image[]", "image[]", "mask", "markup"),
        )
        self.assertEqual((call.task, call.model, call.fields), (Task.IMAGE_EDIT, "m", fields))
        names = [upload.name for upload in call.uploads]
        self.assertEqual(names, ["image[]", "image[]", "mask", "markup"])
        self.assertEqual(call.extra_headers, ((b"X-A", b"1"), (b"X-B", b"2")))
        self.assertEqual((call.mock_response, call.stream), ("x", False))

    def test_files_that_must_be_there(self) -> None:
        """Each form has its own; a mask is no image."""
        for task, kind in FORMS.items():
            prompt = (("prompt", "p"),)
            for name in kind.files:
                self.assertEqual(_call(task, *prompt, files=(name,)).task, task)
            self.assertEqual(self.refused(task, *prompt, files=("mask",)), kind.files[0])

    def test_streams(self) -> None:
        """A stream is wanted where the form has one."""
        for said, wanted in (("true", True), ("True", True), ("1", True), ("false", False)):
            self.assertIs(_call(Task.TRANSCRIPTION, ("stream", said)).stream, wanted)
            edit = _call(Task.IMAGE_EDIT, ("prompt", "p"), ("stream", said))
            self.assertIs(edit.stream, wanted)
        self.assertIs(_call(Task.TRANSLATION, ("stream", "true")).stream, False)

    def test_checked(self) -> None:
        """Fields of a wrong type or out of range are refused by their names."""
        for task, field, values in (
            (Task.TRANSCRIPTION, "temperature", ("hot", "-1")),
            (Task.TRANSCRIPTION, "stream", ("perhaps",)),
            (Task.TRANSLATION, "temperature", ("hot",)),
            (Task.IMAGE_VARIATION, "n", ("0", "many", "1.5")),
            (Task.IMAGE_EDIT, "n", ("0",)),
            (Task.IMAGE_EDIT, "output_compression", ("101", "-1")),
            (Task.IMAGE_EDIT, "partial_images", ("-1",)),
            (Task.TRANSCRIPTION, "extra_headers", ("X-A: 1", "[]")),
            (Task.TRANSCRIPTION, "extra_headers", ('{"X-A": "1\\r\\n2"}',)),
        ):
            for value in values:
                with self.subTest((task, field, value)):
                    said = (("prompt", "p"), (field, value))
                    self.assertEqual(self.refused(task, *said), field)

    def test_what_is_missing(self) -> None:
        """A model, where none is known, and a prompt; an empty field is none."""
        self.assertEqual(self.refused(Task.IMAGE_EDIT), "prompt")
        self.assertEqual(self.refused(Task.IMAGE_EDIT, ("prompt", "")), "prompt")
        for fields in ([], [("model", "")]):
            uploads = [_upload("file")]
            error = self.assertRaises(GatewayError, form_call, Task.TRANSCRIPTION, fields, uploads)
            self.assertEqual((error.status, error.param), (400, "model"))

    def test_default_model(self) -> None:
        """A form that names no model is for the one that is told."""
        call = form_call(Task.IMAGE_VARIATION, [], [_upload("image")], lambda: "known")
        self.assertEqual((call.model, call.fields), ("known", ()))
