"""Addresses as written, the allow-list, and what a name leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.adapters.webhook_rules import HostRules, NotAllowed, Unresolved, WebhookRules, parse_url
from fraudray.domain.errors import SettingsError


def code(url: str) -> str:
    with pytest.raises(NotAllowed) as caught:
        parse_url(url)
    return caught.value.code


def test_an_address_is_taken_apart() -> None:
    target = parse_url("HTTPS://Hooks.Example.com:8443/a%20b?c=d")
    assert (target.scheme, target.host, target.port, target.path) == ("https", "hooks.example.com", 8443, "/a%20b?c=d")
    assert target.netloc == "hooks.example.com:8443"
    assert parse_url("https://[2001:DB8:0::1]?x").netloc == "[2001:db8::1]"
    assert parse_url("https://h.example?x=1").path == "/?x=1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:secret@example.com/", "url_credentials"), ("https://example.com@evil.org/", "url_credentials"),
        ("ftp://example.com/", "url_parsing"), ("https:///path", "url_parsing"), ("example.com", "url_parsing"),
        ("https://exa mple.com/", "url_parsing"), ("https://example.com\\@evil.org/", "url_credentials"),
        ("https://example.com\\.evil.org/", "url_parsing"), ("https://bücher.example/", "url_parsing"),
        ("https://example.com/\r\nHost: evil", "url_parsing"), ("https://example.com/a#b", "url_fragment"),
        ("https://example.com:0/", "url_port"), ("https://example.com:65536/", "url_port"),
        ("https://example.com./", "url_host"), ("https://-a.example/", "url_host"), ("https://[1:2]/", "url_host"),
        ("https://[::1%25eth0]/", "url_parsing"), ("https://[::g]/", "url_parsing"),
        ("https://4111111111111111.example/", "card_number"),
        ("https://2130706433/", "url_host"), ("https://0x7f000001/", "url_host"), ("https://0177.0.0.1/", "url_host"),
        ("https://127.1/", "url_host"), ("https://0x7f.0.0.0x1/", "url_host"), ("https://127.0.0.1.0/", "url_host"),
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(url: str, expected: str) -> None:
    assert code(url) == expected


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com{text}"):
        try:
            target = parse_url(url)
        except NotAllowed:
            continue
        assert target.netloc.isascii()
        assert target.path.isprintable()


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("h.example", "https://h.example/", True), ("H.Example", "https://h.EXAMPLE/", True),
        ("h.example", "https://h.example:8443/", False), ("h.example:8443", "https://h.example:8443/", True),
        ("h.example:8443", "https://h.example/", False), ("h.example:*", "https://h.example:9/", True),
        ("h.example", "https://a.h.example/", False), ("*.example", "https://a.b.example/", True),
        ("*.example.com", "https://example.com/", False), ("*.example.com", "https://evilexample.com/", False),
        ("h.example", "https://h.example.evil.org/", False), ("192.0.2.1", "https://192.0.2.1/", True),
        ("[::1]:*", "https://[0:0::1]:99/", True), ("h.example", "http://h.example/", True),
    ],
)  # fmt: skip
def test_the_allow_list(entry: str, url: str, allowed: bool) -> None:
    rules = HostRules([entry])
    if allowed:
        rules.check(parse_url(url))
        return
    with pytest.raises(NotAllowed, match="not among the allowed hosts"):
        rules.check(parse_url(url))


@pytest.mark.parametrize("entry", ["https://h.example", "*", "a b", "h.example:x", "*.*.example", "[::1", "127.1", ""])
def test_an_entry_that_is_no_host_is_said(entry: str) -> None:
    with pytest.raises(SettingsError, match="webhook_hosts"):
        HostRules([entry])


def test_an_empty_allow_list_allows_nothing_and_says_what_to_set() -> None:
    with pytest.raises(NotAllowed, match="FRAUDRAY_WEBHOOK_HOSTS"):
        HostRules([]).check(parse_url("https://example.com/"))


def test_a_name_is_judged_by_what_it_leads_to() -> None:
    rules = HostRules(["localhost:*"])
    with pytest.raises(NotAllowed, match="loopback"):
        WebhookRules(rules).addresses("https", "localhost", 443)
    assert "127.0.0.1" in WebhookRules(rules, private=True).addresses("http", "localhost", 80)
    with pytest.raises(Unresolved):
        WebhookRules(rules).addresses("https", "no-such-host.invalid", 443)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "::ffff:127.0.0.1", "::1"])
def test_every_form_of_an_address_that_a_resolver_reads_is_judged(host: str) -> None:
    with pytest.raises(NotAllowed, match="address"):
        WebhookRules(HostRules([]), private=False).addresses("https", host, 443)


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1"])
def test_nothing_opens_link_local_metadata_or_multicast(host: str) -> None:
    with pytest.raises(NotAllowed, match="nothing is sent to"):
        WebhookRules(HostRules([]), private=True, insecure=True).addresses("http", host, 80)


def test_plain_http_is_for_the_inside_only_unless_set() -> None:
    http = parse_url("http://8.8.8.8/")
    hosts = HostRules(["8.8.8.8"])
    with pytest.raises(NotAllowed, match="https://"):
        WebhookRules(hosts).check(http)
    with pytest.raises(NotAllowed, match="https://"):
        WebhookRules(hosts, private=True).addresses("http", "8.8.8.8", 80)
    assert WebhookRules(hosts, insecure=True).addresses("http", "8.8.8.8", 80) == ["8.8.8.8"]
