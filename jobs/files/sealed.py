"""Content that can be read only with a key, and only as what it was sealed as."""

import os

from constants.exceptions import ObjectDamaged

#: Bytes of a key of AES-256, and of what no two seals share (NIST SP 800-38D).
_KEY, _NONCE = 32, 12


def new_key() -> bytes:
    """A key, from the operating system."""
    return os.urandom(_KEY)


def sealed(content: bytes, key: bytes, name: str) -> bytes:
    """A content, encrypted and bound to a name by AES-GCM; sealed again it is other bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # ten megabytes, which most processes never need

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, name.encode())


def unsealed(content: bytes, key: bytes, name: str) -> bytes:
    """What was sealed. Raises ``ObjectDamaged`` for what was not sealed by that key and name, or was changed since."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(content[:_NONCE], content[_NONCE:], name.encode())
    except (InvalidTag, ValueError) as error:  # the latter for what is too short
        raise ObjectDamaged("This file is not what was put here.") from error
