"""The chat engine, in a real worker process."""

from __future__ import annotations

from typing import Any

from tests.gateway.local.engine_case import CAPITAL, WEATHER, WEATHER_TOOL, EngineTestCase
from tests.gateway.local.workers import WorkerProcess
from twisted_aigate.gateway.local.protocol import Failed


class ChatTests(EngineTestCase):
    """Chat and text completion."""

    engines = ("chat",)

    @property
    def worker(self) -> WorkerProcess:
        """The chat's worker."""
        return self.workers["chat"]

    def chat(self, **request: object) -> Any:
        """The answer to a chat request, at temperature 0."""
        return self.worker.run("chat", **{"model": "m", "temperature": 0, **request}).json

    def events(self, **request: object) -> list[Any]:
        """The events of a streamed chat, at temperature 0."""
        asked = {"model": "m", "temperature": 0, "stream": True, **request}
        answer = self.worker.run("chat", **asked)
        assert answer.head is not None
        self.assertEqual(answer.head.content_type, "text/event-stream")
        return answer.events

    def refusal(self, **request: object) -> Failed:
        """The refusal of a chat request."""
        return self.worker.run("chat", **request).failure

    def test_knows_a_capital(self) -> None:
        """A whole answer has OpenAI's shape and nothing else, and is right."""
        answer = self.chat(messages=CAPITAL)
        self.assertEqual(set(answer), {"id", "object", "created", "model", "choices", "usage"})
        self.assertEqual((answer["object"], answer["model"]), ("chat.completion", "m"))
        [choice] = answer["choices"]
        self.assertEqual(set(choice), {"index", "message", "logprobs", "finish_reason"})
        self.assertEqual(choice["finish_reason"], "stop")
        self.assertIn("Paris", choice["message"]["content"])
        usage = answer["usage"]
        self.assertGreater(usage["prompt_tokens"], 5)
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])

    def test_stream(self) -> None:
        """A stream starts with the role, adds up to the whole answer, and ends with a reason."""
        events = self.events(messages=CAPITAL)
        deltas = [event["choices"][0]["delta"] for event in events]
        self.assertEqual(deltas[0], {"role": "assistant", "content": ""})
        self.assertEqual(deltas[-1], {})
        text = "".join(delta.get("content", "") for delta in deltas)
        self.assertEqual(text, self.chat(messages=CAPITAL)["choices"][0]["message"]["content"])
        reasons = [event["choices"][0]["finish_reason"] for event in events]
        self.assertEqual(reasons, [None] * (len(events) - 1) + ["stop"])
        self.assertEqual({event["object"] for event in events}, {"chat.completion.chunk"})
        self.assertEqual(len({event["id"] for event in events}), 1)
        self.assertNotIn("usage", {key for event in events for key in event})

    def test_stream_with_usage(self) -> None:
        """The usage comes last, with no choices, and is null before."""
        *events, last = self.events(
            messages=CAPITAL, max_tokens=3, stream_options={"include_usage": True}
        )
        self.assertEqual(last["choices"], [])
        self.assertEqual(last["usage"]["completion_tokens"], 3)
        self.assertEqual({event["usage"] for event in events}, {None})

    def test_choices(self) -> None:
        """Two choices are two answers to one prompt."""
        one, two = (self.chat(messages=CAPITAL, n=n, max_tokens=4) for n in (1, 2))
        self.assertEqual([choice["index"] for choice in two["choices"]], [0, 1])
        self.assertEqual(two["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"])
        self.assertEqual(two["usage"]["completion_tokens"], 8)

    def test_max_tokens(self) -> None:
        """Either name bounds the answer, and the reason says so."""
        for name in ("max_tokens", "max_completion_tokens"):
            answer = self.chat(messages=CAPITAL, **{name: 2})
            self.assertEqual(answer["usage"]["completion_tokens"], 2)
            self.assertEqual(answer["choices"][0]["finish_reason"], "length")

    def test_stop(self) -> None:
        """The text ends before a stop sequence."""
        text = self.chat(messages=CAPITAL, stop=["Paris"])["choices"][0]["message"]["content"]
        self.assertTrue(text)
        self.assertNotIn("Paris", text)

    def test_seed(self) -> None:
        """The same seed gives the same text; seeds may have 64 bits, and a sign."""
        for seed in (7, -(2**40)):
            hot = {"messages": CAPITAL, "temperature": 1.5, "seed": seed, "max_tokens": 12}
            first, second = (self.chat(**hot)["choices"][0]["message"] for _ in range(2))
            self.assertEqual(first, second)

    def test_logprobs(self) -> None:
        """Each token has its probability and the likeliest others."""
        [choice] = self.chat(messages=CAPITAL, logprobs=True, top_logprobs=2, max_tokens=3)[
            "choices"
        ]
        content = choice["logprobs"]["content"]
        self.assertEqual("".join(each["token"] for each in content), choice["message"]["content"])
        for each in content:
            self.assertEqual(set(each), {"token", "logprob", "bytes", "top_logprobs"})
            self.assertEqual(len(each["top_logprobs"]), 2)

    def test_json_schema(self) -> None:
        """A schema is kept to."""
        schema = {
            "type": "object",
            "properties": {"capital": {"enum": ["Rome", "Paris"]}},
            "required": ["capital"],
            "additionalProperties": False,
        }
        form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
        text = self.chat(messages=CAPITAL, response_format=form)["choices"][0]["message"]["content"]
        self.assertRegex(text, r'^\{\s*"capital"\s*:\s*"(Rome|Paris)"\s*\}$')

    def test_demanded_tool_call(self) -> None:
        """A demanded call is made, whole and streamed."""
        named = {"type": "function", "function": {"name": "get_weather"}}
        for choice in ("required", named):
            request = {"messages": WEATHER, "tools": [WEATHER_TOOL], "tool_choice": choice}
            [whole] = self.chat(**request)["choices"]
            self.assertEqual(whole["finish_reason"], "tool_calls")
            [call] = whole["message"]["tool_calls"]
            self.assertEqual(set(call), {"id", "type", "function"})
            self.assertEqual(call["function"]["name"], "get_weather")
            self.assertRegex(call["function"]["arguments"], r'^\{"city":"[^"]*"\}$')
            streamed = [event["choices"][0] for event in self.events(**request)]
            [part] = [part for each in streamed for part in each["delta"].get("tool_calls", ())]
            self.assertEqual(part["index"], 0)
            self.assertEqual(part["function"], call["function"])
            self.assertEqual(streamed[-1]["finish_reason"], "tool_calls")

    def test_tool_result(self) -> None:
        """The model speaks of what the tool said."""
        call = {"id": "a", "type": "function"}
        call["function"] = {"name": "get_weather", "arguments": '{"city":"Paris"}'}  # type: ignore[assignment]
        turns = [
            *WEATHER,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": "It is sunny."},
        ]
        answer = self.chat(messages=turns, tools=[WEATHER_TOOL])
        self.assertIn("sunny", answer["choices"][0]["message"]["content"])

    def test_too_long_a_prompt(self) -> None:
        """A prompt beyond the context is refused as OpenAI does it."""
        failure = self.refusal(messages=[{"role": "user", "content": "word " * 9000}])
        self.refused(failure, "messages", "context_length_exceeded")
        self.assertIn("maximum context length is 4096 tokens", failure.message)

    def test_bad_requests(self) -> None:
        """What is not for this model is refused, saying why."""
        image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
        for request, param in (
            ({"messages": image}, "messages"),
            ({"messages": []}, "messages"),
            ({}, "messages"),
            ({"messages": [{"role": "wizard", "content": "x"}]}, "messages"),
            ({"messages": CAPITAL, "max_tokens": 0}, "max_tokens"),
            ({"messages": CAPITAL, "temperature": "hot"}, None),
            ({"messages": CAPITAL, "n": 99}, None),
            ({"messages": CAPITAL, "tools": [{}]}, "tools"),
            ({"messages": CAPITAL, "tools": [WEATHER_TOOL], "tool_choice": "x"}, "tool_choice"),
        ):
            self.refused(self.refusal(**request), param)  # type: ignore[arg-type]

    def test_private_fields_do_not_reach_the_engine(self) -> None:
        """llama.cpp's own fields cannot lift the bounds."""
        answer = self.chat(messages=CAPITAL, max_tokens=2, n_predict=50, ignore_eos=True)
        self.assertEqual(answer["usage"]["completion_tokens"], 2)

    def test_cancel_while_writing(self) -> None:
        """A cancelled generation stops at the next token, and its slot is free."""
        job_id = self.worker.start(
            "chat",
            messages=CAPITAL,
            max_tokens=3000,
            stream=True,
            temperature=1.8,
            logit_bias={"2": -100},
        )
        for _ in range(5):
            self.worker.frame()
        answer, _ = self.worker.cancel(job_id)
        self.assertEqual(answer.failure.status, 499)
        self.assertLess(len(answer.chunks), 1000)
        self.assertIn("Paris", self.chat(messages=CAPITAL)["choices"][0]["message"]["content"])

    def test_cancel_while_reading(self) -> None:
        """A long prompt is given up between its batches, streamed or not."""
        job_id = self.worker.start("chat", messages=[{"role": "user", "content": "dog " * 3500}])
        answer, seconds = self.worker.cancel(job_id)
        self.assertEqual(answer.failure.status, 499)
        self.assertLess(seconds, 8)

    def test_in_parallel(self) -> None:
        """Jobs run side by side, more than there are slots wait, and none gets another's answer."""
        asked = {
            self.worker.start("chat", messages=CAPITAL, temperature=0, model=f"m{number}"): number
            for number in range(5)
        }
        for job_id, answer in self.worker.collect(*asked).items():
            self.assertEqual(answer.json["model"], f"m{asked[job_id]}")
            self.assertIn("Paris", answer.json["choices"][0]["message"]["content"])

    def test_completion(self) -> None:
        """Text completion: several prompts, echo, and the older shape of probabilities."""
        request = {
            "prompt": ["The cat", "One, two, three, four,"],
            "max_tokens": 3,
            "temperature": 0,
        }
        answer = self.worker.run("completion", **request, echo=True, logprobs=2).json  # type: ignore[arg-type]
        self.assertEqual(answer["object"], "text_completion")
        first, second = answer["choices"]
        self.assertTrue(first["text"].startswith("The cat"))
        self.assertTrue(second["text"].startswith("One, two, three, four, five"))
        self.assertEqual(answer["usage"]["completion_tokens"], 6)
        logprobs = first["logprobs"]
        self.assertEqual("The cat" + "".join(logprobs["tokens"]), first["text"])
        self.assertEqual({len(logprobs[key]) for key in logprobs}, {3})
        self.assertEqual(logprobs["text_offset"][0], 0)

    def test_streamed_completion(self) -> None:
        """The events of a completion add up to it."""
        request = {"prompt": "One, two,", "max_tokens": 5, "temperature": 0}
        [whole] = self.worker.run("completion", **request).json["choices"]  # type: ignore[arg-type]
        events = self.worker.run("completion", **request, stream=True).events  # type: ignore[arg-type]
        self.assertEqual("".join(e["choices"][0]["text"] for e in events), whole["text"])
        self.assertEqual(events[-1]["choices"][0]["finish_reason"], "length")

    def test_bad_completions(self) -> None:
        """What a completion cannot do is refused."""
        for request, param in (
            ({}, "prompt"),
            ({"prompt": [1, 2]}, "prompt"),
            ({"prompt": "a", "suffix": "b"}, "suffix"),
            ({"prompt": "a", "best_of": 5}, "best_of"),
        ):
            self.refused(self.worker.run("completion", **request).failure, param)  # type: ignore[arg-type]
