"""Signature Version 4 against the values that AWS publishes for its example request and its test suite."""

from __future__ import annotations

import calendar

import pytest

from server.sigv4 import Credentials, signed

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
MOMENT = float(calendar.timegm((2015, 8, 30, 12, 36, 0)))


def signature(*arguments: object, **more: object) -> str:
    headers = signed(*arguments, now=MOMENT, **more)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return headers["Authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("GET", "https://example.amazonaws.com/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "https://example.amazonaws.com/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_the_published_values(method: str, url: str, expected: str) -> None:
    assert signature(method, url, {}, b"", EXAMPLE, "us-east-1", "service") == expected


def test_the_example_of_the_documentation() -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
    expected = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    assert signature("GET", url, headers, b"", EXAMPLE, "us-east-1", "iam") == expected


def test_what_is_sent() -> None:
    credentials = EXAMPLE._replace(token="temporary")
    target = {"X-Amz-Target": "a.B"}
    sent = signed("POST", "http://127.0.0.1:5000/", target, b"{}", credentials, "eu-west-1", "s", MOMENT)
    assert sent["Host"] == "127.0.0.1:5000"
    assert sent["X-Amz-Date"] == "20150830T123600Z"
    assert sent["X-Amz-Security-Token"] == "temporary"
    assert sent["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
    )
