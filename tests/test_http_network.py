"""The way to a server: a private authority, our own certificate, a proxy; all on loopback."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fourkeys.errors import UnreachableError
from fourkeys.http import Client, Network, Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

QUICK = Patience(connect=2, idle=2, attempt=4, pause=0.01)
json = msgspec.json.decode
Key = ec.EllipticCurvePrivateKey


def certificate(name: str, issuer: tuple[x509.Certificate, Key] | None) -> tuple[x509.Certificate, Key]:
    """Return a certificate for 127.0.0.1 and its key, by an authority or by itself, as Python 3.13 wants it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    signer = issuer[1] if issuer else key
    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    usage = dict.fromkeys(uses, False) | {"digital_signature": True, "key_cert_sign": issuer is None}
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return builder.sign(signer, hashes.SHA256()), key


def write(path: Path, made: tuple[x509.Certificate, Key]) -> tuple[str, str]:
    """Write a certificate and its key as PEM files; return their names."""
    form, nothing = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.with_suffix(".crt").write_bytes(made[0].public_bytes(pem))
    path.with_suffix(".key").write_bytes(made[1].private_bytes(pem, form, nothing))
    return str(path.with_suffix(".crt")), str(path.with_suffix(".key"))


@asynccontextmanager
async def serving(context: ssl.SSLContext | None, seen: list[bytes]) -> AsyncIterator[int]:
    """Serve one JSON to all who ask; keep the first lines; give the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            seen.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
            writer.write(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{"n": 1}')
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def ask(context: ssl.SSLContext | None, network: Network, scheme: str = "https") -> tuple[Any, list[bytes]]:
    """Serve, ask once, and return the answer and the first lines of what was asked."""

    async def run() -> tuple[Any, list[bytes]]:
        seen: list[bytes] = []
        async with (
            serving(context, seen) as port,
            Client(f"{scheme}://127.0.0.1:{port}/api/v3", network=network, patience=QUICK) as client,
        ):
            return (await client.get("/x", json)).value, seen

    return asyncio.run(run())


def test_a_private_authority_is_trusted_only_when_it_is_named(tmp_path: Path) -> None:
    """A server with a certificate of a private authority answers if that is given, and is refused otherwise."""
    authority = certificate("authority", None)
    ca, _ = write(tmp_path / "ca", authority)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*write(tmp_path / "server", certificate("server", authority)))

    assert ask(context, Network(ca_file=ca))[0] == {"n": 1}
    with pytest.raises(UnreachableError, match="certificate"):
        ask(context, Network())


def test_our_own_certificate_is_shown(tmp_path: Path) -> None:
    """A server that asks for a certificate gets ours."""
    authority = certificate("authority", None)
    ca, _ = write(tmp_path / "ca", authority)
    ours, key = write(tmp_path / "client", certificate("client", authority))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*write(tmp_path / "server", certificate("server", authority)))

    assert ask(context, Network(ca_file=ca, client_certificate=ours, client_key=key))[0] == {"n": 1}
    with pytest.raises(UnreachableError):
        ask(context, Network(ca_file=ca))


def test_a_proxy_is_asked_for_the_whole_address() -> None:
    """With a proxy, the proxy gets the request, for the server's full address."""

    async def run() -> list[bytes]:
        seen: list[bytes] = []
        async with serving(None, seen) as port:
            network = Network(proxy=f"http://127.0.0.1:{port}")
            async with Client("http://ghes.test/api/v3", network=network, patience=QUICK) as client:
                assert (await client.get("/x", json)).value == {"n": 1}
        return seen

    assert asyncio.run(run()) == [b"GET http://ghes.test/api/v3/x HTTP/1.1"]
