"""Speech and transcription, in real worker processes: what one says the other hears."""

from __future__ import annotations

import tempfile
import wave
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from tests.gateway.local.engine_case import SENTENCES, SPOKEN, EngineTestCase, words


class VoiceTests(EngineTestCase):
    """Speech, and transcription of that speech."""

    engines = ("speech", "transcription")
    folder: ClassVar[tempfile.TemporaryDirectory[str]]

    @classmethod
    def setUpClass(cls) -> None:
        """Start the workers; make a folder for the sound."""
        super().setUpClass()
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls) -> None:
        """Remove the folder; end the workers."""
        cls.folder.cleanup()
        super().tearDownClass()

    def say(self, text: str = SENTENCES, **request: object) -> bytes:
        """Speech, as WAV where nothing else is asked for."""
        asked = {"input": text, "response_format": "wav", **request}
        return self.workers["speech"].run("speech", **asked).data

    def file(self, data: bytes, name: str) -> str:
        """A file with these bytes."""
        path = Path(self.folder.name, name)
        path.write_bytes(data)
        return str(path)

    def hear(self, data: bytes, name: str = "speech.wav", **request: object) -> Any:
        """The transcription of a file."""
        asked = {"path": self.file(data, name), "filename": name, "model": "m", **request}
        return self.workers["transcription"].run("transcription", **asked)

    def test_every_format_comes_back(self) -> None:
        """What is spoken in any format is heard again; each has its media type."""
        for name, kind in (
            ("mp3", "audio/mpeg"),
            ("opus", "audio/ogg"),
            ("aac", "audio/aac"),
            ("flac", "audio/flac"),
            ("wav", "audio/wav"),
        ):
            answer = self.workers["speech"].run(
                "speech", input=SENTENCES, response_format=name, voice="nova", model="m"
            )
            assert answer.head is not None
            self.assertEqual(answer.head.content_type, kind)
            heard = self.hear(answer.data, f"speech.{name}").json
            self.assertLessEqual(SPOKEN, words(heard["text"]), name)

    def test_pcm(self) -> None:
        """PCM is the samples of the WAV: 24 kHz, 16 bits, mono."""
        pcm = self.say(response_format="pcm")
        with wave.open(BytesIO(self.say())) as sound:
            self.assertEqual(
                (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()), (24000, 2, 1)
            )
            self.assertEqual(sound.getnframes(), len(pcm) // 2)

    def test_default_format_streams(self) -> None:
        """Without a format it is MP3, and comes sentence by sentence."""
        answer = self.workers["speech"].run("speech", input=SENTENCES)
        assert answer.head is not None
        self.assertEqual(answer.head.content_type, "audio/mpeg")
        self.assertGreaterEqual(len(answer.chunks), 2)

    def test_speed(self) -> None:
        """Twice as fast is half as long, at the ends of the range too; it is still understood."""
        normal = len(self.say(response_format="pcm"))
        for speed in (0.25, 0.5, 2.0, 4.0):
            length = len(self.say(response_format="pcm", speed=speed))
            self.assertLess(abs(length * speed / normal - 1), 0.2, speed)
        self.assertLessEqual({"fox", "dog"}, words(self.hear(self.say(speed=1.75)).json["text"]))

    def test_strange_text(self) -> None:
        """What it cannot say is left out; no text makes it fail."""
        for text in (
            "Hello 世界 🎉 friend",
            "1" * 500,
            "x" * 4000,
            "a,b" * 1000,
            "\u202e\0 hi",
            "$12345678901234567890.99 at 25:61 on 99/99/9999",
            "http://example.com/?a=1&b=2 <b>x</b> [a](/b/)",
        ):
            self.assertGreater(len(self.say(text, response_format="pcm")), 1000)

    def test_bad_speech_requests(self) -> None:
        """What it cannot do is refused, saying why."""
        for request, param in (
            ({"input": " "}, "input"),
            ({"input": "你好"}, "input"),
            ({"input": "x" * 4097}, "input"),
            ({"voice": "bob"}, "voice"),
            ({"speed": 5}, "speed"),
            ({"response_format": "ogg"}, "response_format"),
            ({"stream_format": "sse"}, "stream_format"),
        ):
            asked: dict[str, object] = {"input": "hi", **request}
            self.refused(self.workers["speech"].run("speech", **asked).failure, param)

    def test_cancel_speech(self) -> None:
        """Speech stops between sentences."""
        worker = self.workers["speech"]
        job_id = worker.start("speech", input="This is one of many sentences. " * 130)
        worker.frame()
        answer, seconds = worker.cancel(job_id)
        self.assertEqual(answer.failure.status, 499)
        self.assertLess(seconds, 2)

    def test_transcript_forms(self) -> None:
        """Each form of the transcript has its shape and the words."""
        sound = self.say()
        plain = self.hear(sound).json
        self.assertEqual(set(plain), {"text", "usage"})
        self.assertEqual(plain["usage"]["type"], "duration")
        for form, pattern in (
            ("text", r"^The quick .*\.\n$"),
            ("srt", r"^1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nThe quick "),
            ("vtt", r"^WEBVTT\n\n00:00:00\.\d{3} --> 00:00:0\d\.\d{3}\nThe quick "),
        ):
            answer = self.hear(sound, response_format=form)
            self.assertEqual(answer.head.content_type, "text/plain; charset=utf-8")
            self.assertRegex(answer.data.decode(), pattern)
            self.assertLessEqual(SPOKEN, words(answer.data.decode()))

    def test_verbose_transcript(self) -> None:
        """The verbose form has the segments and, where asked for, the words with their times."""
        sound = self.say()
        asked = {"response_format": "verbose_json", "language": "en"}
        both = self.hear(sound, timestamp_granularities=["word", "segment"], **asked).json
        self.assertEqual((both["task"], both["language"]), ("transcribe", "english"))
        with wave.open(BytesIO(sound)) as length:
            self.assertAlmostEqual(both["duration"], length.getnframes() / 24000, delta=0.05)
        self.assertEqual([each["id"] for each in both["segments"]], [0, 1])
        self.assertEqual(
            set(both["segments"][0]),
            {
                "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob",
                "compression_ratio", "no_speech_prob",
            },
        )  # fmt: skip
        times = [each["start"] for each in both["words"]]
        self.assertEqual(times, sorted(times))
        self.assertLessEqual({"fox", "monday"}, words(" ".join(w["word"] for w in both["words"])))
        default = self.hear(sound, **asked).json
        self.assertIn("segments", default)
        self.assertNotIn("words", default)

    def test_translation(self) -> None:
        """A model that knows English alone does not pass a transcript off as a translation."""
        failure = self.hear(self.say(), translate=True).failure
        self.refused(failure, "model", "unsupported_task")

    def test_bad_sound(self) -> None:
        """What is no sound is refused, and so is what the model does not know."""
        for data in (b"", b"this is not sound" * 100, self.say()[:44]):
            self.refused(self.hear(data).failure, "file", "invalid_file_format")
        sound = self.say("Hello.")
        for request, param in (
            ({"language": "klingon"}, "language"),
            ({"language": "fr"}, "language"),
            ({"response_format": "xml"}, "response_format"),
            ({"temperature": 2}, "temperature"),
            ({"timestamp_granularities": ["letter"]}, "timestamp_granularities"),
        ):
            self.refused(self.hear(sound, **request).failure, param)

    def test_cancel_transcription(self) -> None:
        """Transcription stops between tries, long before the end of a recording."""
        path = self.file(self.say("This is one of many sentences. " * 130), "long.wav")
        worker = self.workers["transcription"]
        answer, seconds = worker.cancel(worker.start("transcription", path=path))
        self.assertEqual(answer.failure.status, 499)
        self.assertLess(seconds, 15)
