"""SPIT/1 commands to bytes and back: the codec as one name. Pure; the work is done in `encode` and `decode`."""

from .decode import decode
from .encode import cut_text, encode, encode_result, encode_submit, frames_of

__all__ = ["cut_text", "decode", "encode", "encode_result", "encode_submit", "frames_of"]
