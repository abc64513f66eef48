"""Sign images with a C2PA manifest, by the operator's certificate and key; the c2pa extra."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import atomic_file
from facesmith.images.decode import image_format, read_marks
from facesmith.images.provenance import SOURCE_TYPES
from facesmith.version import __version__

MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
C2PA_BOX = b"jumdc2pa\x00\x11\x00\x10"  # the head of a manifest store, in every kind of file
_CURVES = {256: "ES256", 384: "ES384", 521: "ES512"}  # algorithms of the standard, by the bits of a key's curve


@dataclass(frozen=True)
class SigningKey:
    """A chain of certificates and its private key, PEM, and the algorithm that the key is for."""

    certificates: bytes
    key: bytes
    algorithm: str


def load_signing_key(certificate: str | Path, key: str | Path) -> SigningKey:
    """Read a chain of certificates, the signer's first, and the private key without a password; both PEM files.

    Raises `FacesmithError` for files that are neither, keys of a kind that the standard does not know, and without the
    extra ``c2pa``.
    """
    require("c2pa", "c2pa", "signing images")
    serialization = require("cryptography.hazmat.primitives.serialization", "c2pa", "signing images")
    try:
        certificates, secret = Path(certificate).read_bytes(), Path(key).read_bytes()
        loaded = serialization.load_pem_private_key(secret, None)
    except (OSError, ValueError, TypeError) as error:
        raise FacesmithError(f"{certificate} and {key} cannot be used to sign ({error}): pass two PEM files") from None
    if b"BEGIN CERTIFICATE" not in certificates:
        raise FacesmithError(f"{certificate} is not a certificate: pass the PEM file of the certificate chain")
    curve = getattr(loaded, "curve", None)
    name = type(loaded).__name__
    algorithm = _CURVES.get(curve.key_size) if curve is not None else None
    algorithm = algorithm or ("PS256" if "RSA" in name else "ED25519" if "Ed25519" in name else None)
    if algorithm is None:
        raise FacesmithError(f"C2PA does not support the type of the key {key}: use an EC, RSA or Ed25519 key")
    return SigningKey(certificates, secret, algorithm)


def sign(picture: bytes, key: SigningKey) -> bytes:
    """Return the file of an image (PNG, JPEG or WebP) with a signed manifest that states its marks.

    Sign a file last: any later change breaks the signature. An existing manifest becomes an ingredient. Raises
    `FacesmithError` for other formats, an image without marks, and a key that is refused.
    """
    c2pa = require("c2pa", "c2pa", "signing images")
    form, marks = image_format(picture), read_marks(picture)
    if form not in MEDIA_TYPES:
        what = f"{form} images" if form else "files that are not images"
        raise FacesmithError(f"{what} cannot be signed: use PNG, JPEG or WebP")
    if marks is None:
        raise FacesmithError(
            "an image without facesmith's metadata cannot be signed: sign only images made by facesmith"
        )
    is_signed = has_manifest(picture)
    action: dict[str, Any] = {
        "action": "c2pa.edited" if is_signed else "c2pa.created",
        "digitalSourceType": SOURCE_TYPES + marks.source_type,
    }
    manifest = {
        "claim_generator_info": [{"name": "facesmith", "version": __version__}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    algorithm = getattr(c2pa.C2paSigningAlg, key.algorithm)
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, key.certificates, key.key, None))
        context = c2pa.Context(c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}}))
        builder = c2pa.Builder(manifest, context)
        if is_signed:
            ingredient = {"title": "source", "relationship": "parentOf"}
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)  # which opens the ingredient before the action
            builder.add_ingredient(ingredient, MEDIA_TYPES[form], io.BytesIO(picture))
        signed = io.BytesIO()
        builder.sign(signer, MEDIA_TYPES[form], io.BytesIO(picture), signed)
    except c2pa.C2paError as error:
        raise FacesmithError(f"the image cannot be signed ({error}): check the certificate and its key") from None
    return signed.getvalue()


def has_manifest(file: str | Path | bytes) -> bool:
    """Return whether a file contains a C2PA manifest."""
    return C2PA_BOX in (file if isinstance(file, bytes) else Path(file).read_bytes())


def sign_file(path: str | Path, key: SigningKey) -> None:
    """Sign an image file in place; see `sign`."""
    signed = sign(Path(path).read_bytes(), key)
    with atomic_file(Path(path)) as temporary:
        temporary.write_bytes(signed)


def read_manifest(source: str | bytes) -> dict[str, Any] | None:
    """Return the state of a file's manifest and who signed it, or None without the ``c2pa`` extra.

    ``state`` is "Valid", "Trusted" or "Invalid". A manifest whose certificate is on no trust list is Valid, but not
    Trusted.
    """
    try:
        import c2pa
    except ImportError:
        return None
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    form = image_format(data)
    try:
        with c2pa.Reader(MEDIA_TYPES.get(form or "", "video/mp4"), io.BytesIO(data)) as reader:
            active = reader.get_active_manifest() or {}
            issuer = active.get("signature_info", {}).get("issuer")
            return {"state": str(reader.get_validation_state()), "issuer": issuer}
    except c2pa.C2paError:
        return {"state": "Invalid", "issuer": None}
