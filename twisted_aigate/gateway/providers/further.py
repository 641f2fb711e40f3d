"""
Further providers that speak OpenAI's API, by LiteLLM's names for them.

Source: LiteLLM's C{get_llm_provider_logic.py} and C{llms/openai_like/providers.json}: where each
is, and which variable has its key.
"""

from __future__ import annotations

from twisted_aigate.gateway.providers.remote import OpenAIShaped

_OLD_LIMIT = frozenset(("max_completion_tokens",))
"""Of those that know C{max_tokens} alone."""


def _shaped(base_url: str, name: str, *more_keys: str, based: bool = True) -> OpenAIShaped:
    """
    One whose variables begin with a name.

    @param based: There is one for the base URL.
    """
    base_variable = f"{name}_API_BASE" if based else None
    return OpenAIShaped(base_url, f"{name}_API_KEY", base_variable, more_keys)


def _limited(base_url: str, key_variable: str, base_variable: str | None = None) -> OpenAIShaped:
    return OpenAIShaped(base_url, key_variable, base_variable, refuses=_OLD_LIMIT)


FURTHER = {
    "ai21_chat": _shaped("https://api.ai21.com/studio/v1", "AI21"),
    "aiand": _shaped("https://api.aiand.com/v1", "AIAND"),
    "aihubmix": _shaped("https://aihubmix.com/v1", "AIHUBMIX"),
    "aiml": _shaped("https://api.aimlapi.com/v1", "AIML"),
    "amazon_nova": _shaped("https://api.nova.amazon.com/v1", "AMAZON_NOVA"),
    "apertis": _limited("https://api.stima.tech/v1", "STIMA_API_KEY"),
    "baseten": _shaped("https://inference.baseten.co/v1", "BASETEN"),
    "bigmodel": _shaped("https://open.bigmodel.cn/api/paas/v4", "BIGMODEL"),
    "chutes": _limited("https://llm.chutes.ai/v1", "CHUTES_API_KEY"),
    "clarifai": _shaped("https://api.clarifai.com/v2/ext/openai/v1", "CLARIFAI", based=False),
    "codestral": _shaped("https://codestral.mistral.ai/v1", "CODESTRAL"),
    "cometapi": OpenAIShaped(
        "https://api.cometapi.com/v1", "COMETAPI_KEY", "COMETAPI_API_BASE", ("COMETAPI_API_KEY",),
        ("COMETAPI_BASE_URL",),
    ),
    "compactifai": _shaped("https://api.compactif.ai/v1", "COMPACTIFAI", based=False),
    "crusoe": _limited(
        "https://api.inference.crusoecloud.com/v1", "CRUSOE_API_KEY", "CRUSOE_API_BASE"
    ),
    "dashscope": _shaped("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE"),
    "deepinfra": _shaped("https://api.deepinfra.com/v1/openai", "DEEPINFRA"),
    "edenai": _shaped("https://api.edenai.run/v3", "EDENAI"),
    "empower": _shaped("https://app.empower.dev/api/v1", "EMPOWER"),
    "featherless_ai": OpenAIShaped(
        "https://api.featherless.ai/v1", "FEATHERLESS_AI_API_KEY", "FEATHERLESS_AI_API_BASE",
        ("FEATHERLESS_API_KEY",), ("FEATHERLESS_API_BASE",),
    ),
    "friendliai": OpenAIShaped(
        "https://api.friendli.ai/serverless/v1", "FRIENDLIAI_API_KEY", "FRIENDLI_API_BASE",
        ("FRIENDLI_TOKEN",),
    ),
    "galadriel": _shaped("https://api.galadriel.com/v1", "GALADRIEL"),
    "github": _shaped("https://models.inference.ai.azure.com", "GITHUB"),
    "gmi": _shaped("https://api.gmi-serving.com/v1", "GMI", based=False),
    "helicone": _shaped("https://ai-gateway.helicone.ai", "HELICONE", based=False),
    "hyperbolic": _shaped("https://api.hyperbolic.xyz/v1", "HYPERBOLIC"),
    "inception": _shaped("https://api.inceptionlabs.ai/v1", "INCEPTION"),
    "lambda_ai": _shaped("https://api.lambda.ai/v1", "LAMBDA"),
    "lemonade": _shaped("http://localhost:8000/api/v1", "LEMONADE"),
    "llamafile": _shaped("http://127.0.0.1:8080/v1", "LLAMAFILE"),
    "meta": _shaped("https://api.meta.ai/v1", "META"),
    "meta_llama": _shaped("https://api.llama.com/compat/v1", "LLAMA"),
    "minimax": _shaped("https://api.minimax.io/v1", "MINIMAX"),
    "modelscope": _shaped("https://api-inference.modelscope.cn/v1", "MODELSCOPE"),
    "moonshot": _shaped("https://api.moonshot.ai/v1", "MOONSHOT"),
    "morph": _shaped("https://api.morphllm.com/v1", "MORPH"),
    "nano-gpt": _limited("https://nano-gpt.com/api/v1", "NANOGPT_API_KEY"),
    "nebius": _shaped("https://api.studio.nebius.ai/v1", "NEBIUS"),
    "novita": _shaped("https://api.novita.ai/v3/openai", "NOVITA"),
    "nscale": _shaped("https://inference.api.nscale.com/v1", "NSCALE"),
    "nvidia_nim": _shaped("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM"),
    "ovhcloud": _shaped(
        "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", "OVHCLOUD", based=False
    ),
    "parasail": _shaped("https://api.parasail.io/v1", "PARASAIL"),
    "poe": _limited("https://api.poe.com/v1", "POE_API_KEY"),
    "publicai": _limited("https://api.publicai.co/v1", "PUBLICAI_API_KEY", "PUBLICAI_API_BASE"),
    "qwencloud": _shaped(
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "QWENCLOUD", "DASHSCOPE_API_KEY"
    ),
    "reka": _shaped("https://api.reka.ai/v1", "REKA"),
    "sambanova": _shaped("https://api.sambanova.ai/v1", "SAMBANOVA"),
    "scaleway": OpenAIShaped("https://api.scaleway.ai/v1", "SCW_SECRET_KEY"),
    "synthetic": _limited("https://api.synthetic.new/openai/v1", "SYNTHETIC_API_KEY"),
    "tencent": _shaped("https://tokenhub-intl.tencentcloudmaas.com/v1", "TENCENT"),
    "v0": _shaped("https://api.v0.dev/v1", "V0"),
    "veniceai": _shaped("https://api.venice.ai/api/v1", "VENICE_AI", based=False),
    "vercel_ai_gateway": _shaped(
        "https://ai-gateway.vercel.sh/v1", "VERCEL_AI_GATEWAY", "VERCEL_OIDC_TOKEN"
    ),
    "volcengine": _shaped("https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE"),
    "wandb": _shaped("https://api.inference.wandb.ai/v1", "WANDB"),
    "xiaomi_mimo": _limited("https://api.xiaomimimo.com/v1", "XIAOMI_MIMO_API_KEY"),
    "xinference": _shaped("http://127.0.0.1:9997/v1", "XINFERENCE"),
    "zai": _shaped("https://api.z.ai/api/paas/v4", "ZAI"),
    "litellm_proxy": OpenAIShaped(None, "LITELLM_PROXY_API_KEY", "LITELLM_PROXY_API_BASE"),
    "openai_like": OpenAIShaped(None, "OPENAI_LIKE_API_KEY", "OPENAI_LIKE_API_BASE"),
}  # fmt: skip
