"""
Google's Gemini models, by the Gemini API.

Side by side: L{request}, L{contents}, L{tools} and L{schema} on the way out, L{answer} and
L{stream} on the way back, L{outcome} for how both end; L{embeddings} and L{generated_images}
both ways.
Source: https://ai.google.dev/api/generate-content
"""
