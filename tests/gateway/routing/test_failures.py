"""What failures mean, by the words that providers have for them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.failures import Meaning, meaning_of

_CONTEXT = (
    # (provider, status, message, code)
    ("openai", 400, "This model's maximum context length is 8192 tokens. However, your messages "
     "resulted in 10000 tokens. Please reduce the length of the messages.",
     "context_length_exceeded"),
    ("openai embeddings", 400, "This model's maximum context length is 8192 tokens, however you "
     "requested 9000 tokens (9000 in your prompt; 0 for the completion). Please reduce your "
     "prompt; or completion length.", None),
    ("openai responses", 400, "Your input exceeds the context window of this model. Please adjust "
     "your input and try again.", "context_length_exceeded"),
    ("openai, by its code alone", 400, "Too much.", "context_length_exceeded"),
    ("anthropic", 400, "prompt is too long: 208310 tokens > 200000 maximum", None),
    ("anthropic with max_tokens", 400, "input length and `max_tokens` exceed context limit: 190000 "
     "+ 20000 > 200000, decrease input length or `max_tokens` and try again", None),
    ("gemini", 400, "The input token count (1200000) exceeds the maximum number of tokens allowed "
     "(1048576).", None),
    ("vertex", 400, "Unable to submit request because the input token count is 40000 but model "
     "only supports up to 32768. Reduce the input token count and try again.", None),
    ("cohere", 400, "too many tokens: total number of tokens in the prompt cannot exceed 4081 - "
     "received 4292. Try using a shorter prompt, or enable prompt truncating.", None),
    ("cohere v2", 400, "too many tokens: size limit exceeded by 1000 tokens. Try using shorter or "
     "fewer inputs. The limit for this model is 128000 tokens.", None),
    ("mistral", 400, "Prompt contains 65673 tokens and 0 draft tokens, too large for model with "
     "32768 maximum context length", "3051"),
    ("vllm", 400, "This model's maximum context length is 4096 tokens. However, you requested 5000 "
     "tokens (4900 in the messages, 100 in the completion). Please reduce the length of the "
     "messages or completion.", "400"),
    ("vllm's engine", 400, "The decoder prompt (length 5000) is longer than the maximum model "
     "length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.",
     "400"),
    ("ollama", 400, "the input length exceeds the context length", None),
    ("ollama embeddings", 400, "input exceeds maximum context length and cannot be truncated "
     "further", None),
    ("llama.cpp", 400, "the request exceeds the available context size, try increasing it", "400"),
    ("lm studio", 400, "Trying to keep the first 5000 tokens when context the overflows. However, "
     "the model is loaded with context length of only 4096 tokens", None),
    ("groq", 400, "Please reduce the length of the messages or completion.",
     "context_length_exceeded"),
    ("cerebras", 400, "Please reduce the length of the messages or completion. Current length is "
     "9000 while limit is 8192", "context_length_exceeded"),
    ("xai", 400, "This model's maximum prompt length is 131072 but the request contains 200000 "
     "tokens.", None),
    ("bedrock", 400, "Input is too long for requested model.", None),
    ("text generation inference", 422, "`inputs` tokens + `max_new_tokens` must be <= 4097. Given: "
     "5000 `inputs` tokens and 16 `max_new_tokens`", None),
    ("fireworks", 413, "The prompt is too long: 9000, model maximum context length: 8191", None),
)  # fmt: skip

_CONTENT = (
    ("openai images", "Your request was rejected as a result of our safety system. Your prompt may "
     "contain text that is not allowed by our safety system.", "content_policy_violation"),
    ("openai, by its code alone", "No.", "content_policy_violation"),
    ("openai o1", "Invalid prompt: your prompt was flagged as potentially violating our usage "
     "policy. Please try again with a different prompt", "invalid_prompt"),
    ("azure", "The response was filtered due to the prompt triggering Azure OpenAI's content "
     "management policy. Please modify your prompt and retry.", "content_filter"),
    ("anthropic", "Output blocked by content filtering policy", None),
    ("openrouter", "Input was flagged by moderation", None),
)  # fmt: skip

_FINAL = (
    (400, "Unrecognized request argument supplied: temprature", None, None),
    (400, "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 200 "
     "instead.", "decimal_above_max_value", "temperature"),
    (400, "max_tokens is too large: 100000. This model supports at most 4096 completion tokens, "
     "whereas you provided 100000.", "invalid_value", "max_tokens"),
    (400, "Invalid 'user': string too long. Expected a string with maximum length 64, but got a "
     "string with length 70 instead.", "string_above_max_length", "user"),
    (400, "messages: at least one message is required", None, None),
    (400, "{'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required'}", None, None),
    (413, "Request exceeds the maximum size", None, None),
    (422, "Input should be a valid integer", None, None),
    (405, "Method Not Allowed", None, None),
    (402, "Insufficient credits", None, None),
    (499, "request cancelled", None, None),
)  # fmt: skip


class MeaningTests(SynchronousTestCase):
    """Of every status and of real texts."""

    def test_statuses(self) -> None:
        """What is tried again, what elsewhere, and what never."""
        for statuses, meaning in (
            ((408, 409, 429, 500, 501, 502, 503, 504, 520, 529, 599), Meaning.RETRY),
            ((401, 403, 404), Meaning.ELSEWHERE),
            ((400, 402, 405, 406, 410, 413, 415, 418, 421, 422, 425, 451, 498, 499), Meaning.FINAL),
        ):
            for status in statuses:
                self.assertIs(meaning_of(GatewayError(status, "It failed.")), meaning, status)

    def test_prompts_that_are_too_long(self) -> None:
        """Each provider's own words."""
        for provider, status, message, code in _CONTEXT:
            with self.subTest(provider):
                error = GatewayError(status, f"openai: {message}", code=code)
                self.assertIs(meaning_of(error), Meaning.CONTEXT_WINDOW)

    def test_prompts_that_are_against_a_policy(self) -> None:
        """The same."""
        for provider, message, code in _CONTENT:
            with self.subTest(provider):
                error = GatewayError(400, f"openai: {message}", code=code)
                self.assertIs(meaning_of(error), Meaning.CONTENT_POLICY)

    def test_calls_that_are_wrong(self) -> None:
        """Neither tried again nor fallen back from."""
        for status, message, code, param in _FINAL:
            with self.subTest(message):
                error = GatewayError(status, f"openai: {message}", code=code, param=param)
                self.assertIs(meaning_of(error), Meaning.FINAL)

    def test_a_string_that_is_too_long(self) -> None:
        """A message is a prompt; a name is not."""
        for param, meaning in (
            (None, Meaning.CONTEXT_WINDOW),
            ("messages[0].content", Meaning.CONTEXT_WINDOW),
            ("input", Meaning.CONTEXT_WINDOW),
            ("tools[0].function.name", Meaning.FINAL),
        ):
            error = GatewayError(400, "Too long.", param=param, code="string_above_max_length")
            self.assertIs(meaning_of(error), meaning, param)

    def test_the_text_counts_with_these_statuses_alone(self) -> None:
        """A provider that is down is tried again, whatever it says."""
        for status, meaning in (
            (429, Meaning.RETRY),
            (500, Meaning.RETRY),
            (401, Meaning.ELSEWHERE),
        ):
            error = GatewayError(status, "maximum context length", code="context_length_exceeded")
            self.assertIs(meaning_of(error), meaning)
