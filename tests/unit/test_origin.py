"""The origin of an address, as a browser writes it (AUT-1)."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zorgid_card.adapters.origin import origin_of
from zorgid_card.errors import UsageError
from zorgid_card.pki.web_eid import require_origin

WRITTEN = {
    "https://portal.example": "https://portal.example",
    "https://portal.example/": "https://portal.example",
    "HTTPS://Portal.EXAMPLE": "https://portal.example",
    "https://portal.example:443": "https://portal.example",
    "https://portal.example:443/": "https://portal.example",
    "https://portal.example:": "https://portal.example",
    "https://portal.example:8443": "https://portal.example:8443",
    "https://portal.example:08443": "https://portal.example:8443",
    "https://portal.example:80": "https://portal.example:80",
    "https://localhost:1": "https://localhost:1",
    "https://zórg.example": "https://xn--zrg-gna.example",
    "https://ZÓRG.example": "https://xn--zrg-gna.example",
    "https://zo\u0301rg.example": "https://xn--zrg-gna.example",
    "https://xn--zrg-gna.example": "https://xn--zrg-gna.example",
    "https://XN--ZRG-gna.example": "https://xn--zrg-gna.example",
    "https://straße.example": "https://xn--strae-oqa.example",
    "https://portal。example": "https://portal.example",
    "https://ｐｏｒｔａｌ.example": "https://portal.example",
    "https://192.0.2.1": "https://192.0.2.1",
    "https://[2001:DB8:0:0:0:0:0:1]": "https://[2001:db8::1]",
    "https://[2001:db8::0:1]:443": "https://[2001:db8::1]",
    "https://[::1]:8443/": "https://[::1]:8443",
    "https://[::ffff:192.0.2.1]": "https://[::ffff:c000:201]",
    "https://[::]": "https://[::]",
}


@pytest.mark.parametrize("address", WRITTEN)
def test_aut_1_many_spellings_have_one_origin(address: str) -> None:
    assert origin_of(address) == WRITTEN[address]
    require_origin(origin_of(address))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_aut_1_it_is_the_origin_that_a_javascript_engine_gives() -> None:
    """Node's URL follows the WHATWG's standard, as browsers do."""
    program = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(address => new URL(address).origin)))"
    done = subprocess.run(["node", "-e", program, json.dumps(list(WRITTEN))], capture_output=True, check=True)
    assert json.loads(done.stdout) == list(WRITTEN.values())


@pytest.mark.parametrize("address", [
    "", "portal.example", "http://portal.example", "ftp://portal.example", "https:portal.example", "https://", "https:///x",
    "//portal.example", "https://portal.example/login", "https://portal.example?x", "https://portal.example?", "https://portal.example#",
    "https://portal.example/#x", "https://user@portal.example", "https://user:pw@portal.example", "https://@portal.example",
    "https://portal.example@evil.example", "https://portal.example:0", "https://portal.example:65536", "https://portal.example:x",
    "https://portal.example:-1", "https://portal.example:８０", "https://portal.example:+80", "https://portal.example:80:80",
    "https://[::1", "https://::1", "https://[::1]evil.example", "https://[::1]evil:80", "https://[::g]", "https://[1.2.3.4]",
    "https://[fe80::1%25eth0]", "https://[fe80::1%eth0]", "https://portal..example", "https://.example", "https://portal.example.",
    "https://-portal.example", "https://a_b.example", "https://2130706433", "https://0x7f.1", "https://127.1", "https://0177.0.0.1",
    "https://1.2.3.4.5", "https://256.1.1.1", "https://example.0x10", "https://portal\\.example", "https:\\\\portal.example",
    "https://portal.example\n", "https://por\ttal.example", " https://portal.example", "https://portal .example", "https://por%74al.example",
    "https://☃.example", "https://\u200dx.example", "https://xn--a.example", "https://" + "a" * 64 + ".example",
    "https://" + "a." * 130 + "example", "https://portal.example\u202e", "https://portal.example／evil", "https://x\ud800.example",
])  # fmt: skip
def test_aut_1_what_is_more_or_less_than_an_origin_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as error:
        origin_of(address)
    assert error.value.reason == "origin"


@given(st.text(max_size=40), st.sampled_from(["", "https://", "https://[", "https://portal.example"]))
def test_whatever_is_accepted_is_an_origin(text: str, before: str) -> None:
    try:
        found = origin_of(before + text)
    except UsageError:
        return
    require_origin(found)
    assert origin_of(found) == found
