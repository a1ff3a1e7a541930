"""One-time codes are those of RFC 6238, and keys are read as sites show them."""

from pathlib import Path

import pytest

from gloveport.sandbox.errors import BadSecrets
from gloveport.sandbox.secrets.store import load
from gloveport.sandbox.secrets.totp import Totp

# RFC 6238, appendix B: keys of ASCII digits, 8 digits, 30 seconds.
TWENTY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
THIRTY_TWO = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA===="
SIXTY_FOUR = (
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA="
)


@pytest.mark.parametrize(
    ("key", "algorithm", "seconds", "code"),
    [
        (TWENTY, "SHA1", 59, "94287082"),
        (THIRTY_TWO, "SHA256", 59, "46119246"),
        (SIXTY_FOUR, "SHA512", 59, "90693936"),
        (TWENTY, "SHA1", 1111111109, "07081804"),
        (THIRTY_TWO, "SHA256", 1111111111, "67062674"),
        (SIXTY_FOUR, "SHA512", 1234567890, "93441116"),
        (TWENTY, "SHA1", 2000000000, "69279037"),
        (TWENTY, "SHA1", 20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(key: str, algorithm: str, seconds: int, code: str) -> None:
    assert Totp.of(key, digits=8, algorithm=algorithm).code(seconds) == code
    address = f"otpauth://totp/Bank:me?secret={key.rstrip('=')}&digits=8&algorithm={algorithm}"
    assert Totp.of(address).code(seconds) == code


@pytest.mark.parametrize("told", ["gezd gnbv gy3t qojq gezd gnbv gy3t qojq", TWENTY.lower()])
def test_keys_are_read_as_sites_show_them(told: str) -> None:
    assert Totp.of(told).code(59) == "287082"


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ('{ totp = "GEZDGNBV" }', "shorter than 10 bytes"),
        ('{ totp = "GEZDGNBVGY3TQOJ1GEZDGNBVGY3TQOJQ" }', "not Base32"),
        ('{ totp = "" }', "shorter"),
        ("{ totp = 5 }", "must be { totp"),
        (f'{{ totp = "{TWENTY}", digit = 6 }}', "must be { totp"),
        (f'{{ totp = "{TWENTY}", digits = 3 }}', "digits must be 6 to 10"),
        (f'{{ totp = "{TWENTY}", digits = true }}', "digits must be 6 to 10"),
        (f'{{ totp = "{TWENTY}", period = 0 }}', "period must be"),
        (f'{{ totp = "{TWENTY}", algorithm = "MD5" }}', "algorithm must be one of"),
        (f'{{ totp = "otpauth://hotp/x?secret={TWENTY}" }}', "not of the kind totp"),
        (f'{{ totp = "otpauth://totp/x?secret={TWENTY}&digits=six" }}', "no number"),
    ],
)
def test_what_gives_no_codes_is_refused_without_the_key(
    tmp_path: Path, held: str, why: str
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text(f"BANK = {held}\n")
    file.chmod(0o600)
    with pytest.raises(BadSecrets, match=why) as refused:
        load(file)
    assert "GEZD" not in str(refused.value)
    assert "BANK" in str(refused.value)


def test_a_file_may_hold_codes_and_texts(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text(f'MAIL = "correct horse"\nBANK = {{ totp = "{TWENTY}" }}\n')
    file.chmod(0o600)
    vault = load(file)
    assert vault.names == ["BANK", "MAIL"]
    assert len(vault.value("BANK")) == 6
    assert vault.value("MAIL") == "correct horse"
