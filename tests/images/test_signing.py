"""Signed manifests, by a certificate that is made for the test."""

import datetime
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import facesmith
from facesmith.cli import facesmith as root
from facesmith.errors import FacesmithError
from facesmith.images.identify import identify
from facesmith.images.provenance import EDITED, GENERATED, Marks, marked_image
from facesmith.images.signing import load_signing_key, sign

c2pa = pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
x509 = pytest.importorskip("cryptography.x509", reason="the extra c2pa is not installed")

MARKS = Marks(GENERATED, "drawn64", "ab" * 32, "any use", 7, 3)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of a chain of two certificates and the key of the first, valid for a day."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)

    def certificate(subject: str, public: Any, is_authority: bool) -> bytes:
        names = [
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each),
                       x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Test")])
            for each in (subject, "authority")
        ]  # fmt: skip
        usage = x509.KeyUsage(True, False, False, False, False, is_authority, is_authority, False, False)
        builder = (
            x509.CertificateBuilder(*reversed(names), public, x509.random_serial_number(), now - day, now + day)
            .add_extension(x509.BasicConstraints(is_authority, None), True)
            .add_extension(usage, True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False)
        )
        if not is_authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        signed = builder.sign(authority, hashes.SHA256())
        return bytes(signed.public_bytes(serialization.Encoding.PEM))

    folder = tmp_path_factory.mktemp("pem")
    chain = certificate("signer", key.public_key(), False) + certificate("authority", authority.public_key(), True)
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "chain.pem", folder / "key.pem"


def encoded(form: str = "PNG", marks: Marks = MARKS) -> bytes:
    file = io.BytesIO()
    marked_image(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8), marks).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_signed_picture_is_valid_until_it_changes(pem: tuple[Path, Path], form: str) -> None:
    signed = sign(encoded(form), load_signing_key(*pem))
    report = identify(signed)
    assert report["manifest"] == {"state": "Valid", "issuer": "Test"}
    assert Marks(**report["marks"]) == MARKS
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(signed))), np.asarray(Image.open(io.BytesIO(encoded(form)))))
    forged = signed.replace(MARKS.png_chunk(), replace(MARKS, model="painted").png_chunk())
    forged = forged.replace(b"drawn64", b"painted")
    assert forged != signed
    assert identify(forged)["manifest"]["state"] == "Invalid"
    with Image.open(io.BytesIO(signed)) as image:
        stripped = io.BytesIO()
        Image.fromarray(np.asarray(image)).save(stripped, form)
    assert (identify(stripped.getvalue())["kind"], identify(stripped.getvalue())["c2pa"]) == ("unmarked", False)


def test_an_earlier_manifest_becomes_an_ingredient(pem: tuple[Path, Path]) -> None:
    key = load_signing_key(*pem)
    twice = sign(sign(encoded(marks=Marks(EDITED, "mine")), key), key)
    with c2pa.Reader("image/png", io.BytesIO(twice)) as reader:
        assert len(reader.get_active_manifest()["ingredients"]) == 1
    assert identify(twice)["manifest"]["state"] == "Valid"


def test_commands_sign_pictures(pem: tuple[Path, Path], tmp_path: Path) -> None:
    out, files = tmp_path / "faces", [str(path) for path in pem]
    arguments = ["generate", "drawn64", "--count", "2", "--out", str(out), "--quiet"]
    assert not CliRunner().invoke(root, [*arguments, "--sign-with", *files]).exception
    assert facesmith.identify(out / "000001.png")["manifest"]["state"] == "Valid"
    marked_image(np.zeros((8, 8, 3), np.uint8), MARKS).save(tmp_path / "a.png")
    options = ["--certificate", files[0], "--key", files[1]]
    assert not CliRunner().invoke(root, ["sign", str(tmp_path / "a.png"), *options]).exception
    assert "signature Valid by Test" in CliRunner().invoke(root, ["identify", str(tmp_path / "a.png")]).output


def test_what_cannot_be_signed_is_refused(pem: tuple[Path, Path], tmp_path: Path) -> None:
    key = load_signing_key(*pem)
    unmarked = io.BytesIO()
    Image.new("RGB", (8, 8)).save(unmarked, "PNG")
    for data, reason in ((unmarked.getvalue(), "without facesmith"), (encoded("GIF"), "GIF")):
        with pytest.raises(FacesmithError, match=reason):
            sign(data, key)
    with pytest.raises(FacesmithError, match="PEM"):
        load_signing_key(pem[1], tmp_path / "missing.pem")
    with pytest.raises(FacesmithError, match="certificate"):
        load_signing_key(pem[1], pem[1])
