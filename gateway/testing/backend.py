"""The contract of an `LLMBackend`."""

from __future__ import annotations

from gateway.testing.answering import Answering
from gateway.testing.cancelling import Cancelling
from gateway.testing.failing import Failing
from gateway.testing.keeping import Keeping


class BackendContract(Answering, Cancelling, Failing, Keeping):
    """
    Tests that every `LLMBackend` must pass: inherit them, and say how it is made.

        class TestMine(BackendContract):
            def make(self, client, config, translation_service):
                return MyProviderBackend(client, config, translation_service)

    Each test sets the backend up before a scripted provider on this machine, whose
    address is in ``api_base_url``; no other is ever asked.

    Attributes:
        model: the name that the backend is asked for.
        protocol: what the provider speaks: ``openai_chat``, ``openai_responses``,
            ``anthropic`` or ``gemini``. For any other override `answer`, `pieces`,
            `error`, `broken` and `text`, which are the provider's words, and
            `streams`, which tells whether a request asks for a stream.
        base_path: what follows the provider's host in ``api_base_url``.
        extra: the instance's ``extra`` settings.
        talks: whether it asks a provider at all; without one, half of the tests
            have no meaning and are skipped.
        hanging_model: of a backend without a provider, a model that never answers.
        promptly: seconds in which it must have let go of its provider.
        keyless: it works without a key.
        keeps_code: an error's ``code`` is the provider's.
        tells_usage: its streams bring token counts.
    """
