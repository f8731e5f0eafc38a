"""Speech encoders: HuBERT, wav2vec 2.0, and mel-HuBERT, which needs no pre-trained weights.

Shapes   B clips, S audio samples, N tokens at 50 Hz, C convolutional features, D features,
         T motion frames.
Units    audio at 16 kHz; every method listens through 20 ms tokens.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.method import runs_as_it_stands
from methods.layers.speech.tokens import check_token, normalise_audio
from methods.layers.speech.weights import SpeechConfig, build_speech_model

MEMO_BYTES = 512 * 2**20


class SpeechEncoder(nn.Module):
    """Tokens at 50 Hz from audio; ``encode(convolve(normalise_audio(audio)))`` in two steps.

    The convolutional front is frozen unless ``frozen`` is "none", and its output is memoised per
    clip; with "all" so is the encoder's. While predicting (eval mode, no gradients) the encoder's
    output is memoised whatever is frozen, so all samples and styles of a clip share one encoding.
    Frozen parts run in eval mode (see ``frozen_dropout``); LayerDrop belongs to the encoder as a
    whole and can skip a frozen layer too, as published.
    """

    def __init__(self, config: SpeechConfig):
        super().__init__()
        self.config = config
        self.model = build_speech_model(config)
        self.num_features: int = self.model.config.hidden_size
        self._front_is_fixed = config.kind == "mel-hubert" or config.frozen != "none"
        self.front_memo, self.memo = ClipMemo(), ClipMemo()
        self._weights_seen: tuple[int, ...] = ()
        for module in self._frozen_modules():
            module.requires_grad_(False)
        self.register_load_state_dict_post_hook(_forget)
        self.train(self.training)

    def forward(self, audio: Float[Tensor, "B S"]) -> Float[Tensor, "B N D"]:
        """Tokens of raw audio. Raises ValueError for less than 400 samples."""
        return self.encode(self.convolve(normalise_audio(audio)))

    def convolve(self, audio: Float[Tensor, "B S"]) -> Float[Tensor, "B N C"]:
        """Features of normalised audio, before projection and attention."""
        check_token(audio.shape[1])
        if not self._front_is_fixed:
            if not self._is_predicting():
                return self._convolve(audio)
            self._forget_if_trained()
        return torch.cat([self.front_memo(clip, self._convolve) for clip in audio.split(1)])

    def encode(self, features: Float[Tensor, "B N C"]) -> Float[Tensor, "B N D"]:
        """Tokens of convolutional features, at whatever rate those were resampled to."""
        if self.config.frozen != "all":
            if not self._is_predicting():
                return self._encode(features)
            self._forget_if_trained()
        return torch.cat([self.memo(clip, self._encode) for clip in features.split(1)])

    def trainable_parameters(self) -> list[nn.Parameter]:
        """All but what the config freezes: a training loop may switch gradients as it likes."""
        frozen = {id(p) for module in self._frozen_modules() for p in module.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in frozen]

    def train(self, mode: bool = True) -> "SpeechEncoder":
        """Switch the trained parts only, unless the preset asks for dropout in frozen ones."""
        super().train(mode)
        if self.config.frozen == "all" or not self.config.frozen_dropout:
            for module in self._frozen_modules():
                module.eval()
        return self

    def _is_predicting(self) -> bool:
        return not self.training and not torch.is_grad_enabled()

    def _forget_if_trained(self) -> None:
        """Other weights give other tokens; torch counts the writes to each tensor."""
        versions = tuple(parameter._version for parameter in self.parameters())
        if versions != self._weights_seen:
            self.memo.clear()
            if not self._front_is_fixed:
                self.front_memo.clear()
            self._weights_seen = versions

    def _convolve(self, audio: Tensor) -> Tensor:
        return self.model.feature_extractor(audio).transpose(1, 2)

    def _encode(self, features: Tensor) -> Tensor:
        hidden = self.model.feature_projection(features)
        if isinstance(hidden, tuple):  # wav2vec 2.0 also returns the normalised features
            hidden = hidden[0]
        if hidden.shape[1] > self.model.config.mask_time_length:  # else no span fits
            hidden = self.model._mask_hidden_states(hidden)  # does nothing in eval mode
        return self.model.encoder(hidden).last_hidden_state

    def _frozen_modules(self) -> list[nn.Module]:
        model = self.model
        paper = [model.feature_extractor, model.feature_projection, *model.encoder.layers[:2]]
        frozen = {"all": [model], "feature-extractor": paper[:1], "paper": paper, "none": []}
        return frozen[self.config.frozen]


def _forget(encoder: SpeechEncoder, _: Any) -> None:
    """Other weights give other tokens. (A function of its own: a copied encoder keeps it.)"""
    encoder.front_memo.clear()
    encoder.memo.clear()


class Memo:
    """Results by key, of which the oldest are dropped beyond so many bytes."""

    def __init__(self, max_bytes: int = MEMO_BYTES):
        self.max_bytes = max_bytes
        self._results: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._bytes = 0

    def recall(self, key: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """``compute()``, once per key and without gradients. Do not write into what comes back."""
        if key not in self._results:
            with torch.no_grad():
                self._results[key] = compute()
            self._bytes += self._results[key].nbytes
            while self._bytes > self.max_bytes and len(self._results) > 1:
                self._bytes -= self._results.popitem(last=False)[1].nbytes
        self._results.move_to_end(key)
        return self._results[key]

    def clear(self, *_: object) -> None:
        """Forget everything: what computes has changed. (Arguments are a load hook's.)"""
        self._results.clear()
        self._bytes = 0


@runs_as_it_stands("__call__")  # it hashes the bytes of its argument
class ClipMemo(Memo):
    """Results of a fixed function by the content of its argument."""

    def __call__(self, clip: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """``function(clip)`` without gradients. Do not write into what comes back."""
        bits = clip.detach().cpu().contiguous().view(torch.uint8)  # numpy knows no bfloat16
        content = bits.numpy().tobytes()
        key = (hashlib.blake2b(content, digest_size=16).hexdigest(), clip.device)
        return self.recall(key, lambda: function(clip))
