"""
Which provider a name of LiteLLM's means.

Source: LiteLLM's C{LlmProviders} and C{get_llm_provider_logic.py}.
"""

from __future__ import annotations

from twisted_aigate.gateway.config_file import LiteLLMParams
from twisted_aigate.gateway.providers.claudebox import CLAUDE_MODELS
from twisted_aigate.gateway.providers.table import REMOTE
from twisted_aigate.kernel.settings import ConfigError

IN_PROCESS = ("local", *CLAUDE_MODELS)
"""The providers that no server is asked for."""

OTHER_NAMES = {
    "aiohttp_openai": "openai",
    "cohere_chat": "cohere",
    "custom_openai": "openai",
    "text-completion-codestral": "codestral",
    "text-completion-inception": "inception",
    "text-completion-openai": "openai",
}
"""LiteLLM's further names of the same providers."""

NOT_HERE = frozenset(
    (
        "a2a", "a2a_agent", "abliteration", "ai21", "anthropic_text", "assemblyai", "auto_router",
        "aws_polly", "aws_textract", "azure_speech", "azure_text", "bedrock",
        "bedrock_mantle", "bespoke", "black_forest_labs", "bytez", "charity_engine", "chatgpt",
        "clf_ai_gateway", "cloudflare", "cognition", "coralbricks", "cortecs", "cursor", "custom",
        "darkbloom", "databricks", "databricks_agent", "datarobot", "deepgram",
        "docker_model_runner", "dotprompt", "elevenlabs", "empiriolabs", "eu_jev", "fal_ai", "gdc",
        "gigachat", "github_copilot", "gradient_ai", "heroku", "hostinger_router", "humanloop",
        "inferenceapis", "infinity", "kyma", "langflow", "langfuse", "langgraph",
        "laya", "libertai", "litellm_agent", "manus", "maritalk", "microsoft_365_copilot",
        "milvus", "mongodb", "nace", "nadir", "neosantara", "nlp_cloud", "nvidia_riva", "oci",
        "oobabooga", "opencode_go", "openinfer", "opensearch", "parallel_ai", "petals",
        "pg_vector", "pinstripes", "predibase", "prism", "qwen_ai_platform", "ragflow", "recraft",
        "reducto", "refuseless", "replicate", "runwayml", "s3_vectors", "sagemaker",
        "sagemaker_chat", "sagemaker_nova", "sail", "sap", "scaledown", "scx-ai", "snowflake",
        "soniox", "stability", "strands_decider", "streamlake", "tensormesh", "topaz",
        "transcribe", "triton", "typesafe", "valkey", "vertex_ai", "vertex_ai_beta", "vllm",
        "voyage", "wally", "watsonx", "watsonx_text", "zerogpu",
    )
)  # fmt: skip
"""LiteLLM's providers that this gateway does not have."""

_BARE = (("claude-", "anthropic"), ("command-", "cohere"), ("gemini-", "vertex_ai"))
"""How models' names begin that are not OpenAI's when they stand for themselves."""


class NotHere(ConfigError):
    """A provider that LiteLLM has and this gateway does not."""


def provider_of(model_name: str, params: LiteLLMParams) -> tuple[str, str]:
    """
    The provider of an entry of C{model_list}, and what it calls the model.

    @param model_name: The entry's, for what is said of it.
    @raise NotHere: LiteLLM would know it.
    @raise ConfigError: There is no such provider.
    """
    prefix, slash, model = params.model.partition("/")
    if params.custom_llm_provider:
        if prefix != params.custom_llm_provider:
            model = params.model
        prefix, slash = params.custom_llm_provider, "/"
    based = params.api_base or params.base_url
    if not slash and not based:
        prefix = next((name for start, name in _BARE if params.model.startswith(start)), "openai")
        slash, model = "/", params.model
    prefix = OTHER_NAMES.get(prefix, prefix)
    if slash and (prefix in REMOTE or prefix in IN_PROCESS):
        return prefix, model
    if slash and prefix in NOT_HERE:
        raise NotHere(f"the provider {prefix!r} is not supported")
    if based:
        # As in LiteLLM: an api_base speaks OpenAI's API.
        return "openai", params.model
    raise ConfigError(
        f"model_list: {model_name}: the provider {prefix!r} is not known; "
        f"known: {', '.join([*REMOTE, *IN_PROCESS])}"
    )
