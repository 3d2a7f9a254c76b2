"""Policies of the pages."""

from palingen.runtime.content_security import content_security_policy, served_policy, source_hash


def test_a_hash_is_that_of_the_specification():
    # The example of https://www.w3.org/TR/CSP3/#external-hash and of its reference tests.
    assert source_hash("alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


def test_a_policy_names_only_what_the_page_has():
    assert content_security_policy() == "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
    full = content_security_policy(["a"], ["b", "c"], worker=True)
    assert [directive.split()[0] for directive in full.split("; ")] == [
        "default-src", "script-src", "style-src", "img-src", "worker-src", "base-uri", "form-action"
    ]  # fmt: skip
    assert full.count("sha256-") == 3
    assert "unsafe" not in full


def test_a_served_page_has_the_policy_of_its_head_and_no_other():
    policy = content_security_policy(styles=["b"])
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{policy}"></head>'
    assert served_policy(head) == f"{policy}; frame-ancestors 'none'"
    assert served_policy(f"<head></head>{head}") == f"{content_security_policy()}; frame-ancestors 'none'"
