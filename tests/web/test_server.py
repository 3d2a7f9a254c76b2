"""Server of one page: loopback only, this computer's names only, one file only."""

import http.client
import socket
import threading
from contextlib import contextmanager

import pytest
from hostile import visit

from palingen.web import server as server_module
from palingen.web.server import PageServer, serve_page

PAGE = "<p>digits</p>"


@contextmanager
def running(path):
    with PageServer(path) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "page.html").write_text(PAGE)
    (folder / "secret.txt").write_text("secret")
    (folder / "link.html").symlink_to(folder / "secret.txt")
    (folder / "inner").mkdir()
    (folder / "inner" / "page.html").write_text("secret")
    with running(folder / "page.html") as server:
        yield server


def ask(server, method="GET", target="/page.html", hosts=None):
    """Status, headers and body of a request with exactly these Host headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for host in [f"127.0.0.1:{server.server_port}"] if hosts is None else hosts:
        connection.putheader("Host", host.format(port=server.server_port))
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def test_get_sends_the_page_and_head_its_headers(server):
    status, headers, body = ask(server)
    assert (status, body) == (200, PAGE)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    status, headers, body = ask(server, "HEAD", target="/page.html?seed=1")
    assert (status, body, headers["Content-Length"]) == (200, "", str(len(PAGE)))


def test_the_headers_are_strict_and_say_nothing_of_the_machine(server):
    headers = ask(server)[1]
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}"])
def test_this_computer_has_two_names(server, host):
    assert ask(server, hosts=[host])[0] == 200


@pytest.mark.parametrize(
    "hosts",
    [
        ["attacker.example:{port}"],
        ["attacker.example"],
        ["127.0.0.1"],
        ["127.0.0.1:1"],
        ["localhost.attacker.example:{port}"],
        ["127.0.0.1.attacker.example:{port}"],
        ["127.0.0.1:{port}@attacker.example"],
        ["[::1]:{port}"],
        ["0.0.0.0:{port}"],
        [""],
        [],
        ["127.0.0.1:{port}", "attacker.example"],
        ["attacker.example", "127.0.0.1:{port}"],
    ],
)
def test_any_other_host_is_refused(server, hosts):
    for method in ("GET", "HEAD"):
        status, _, body = ask(server, method, hosts=hosts)
        assert status == 421
        assert "digits" not in body


@pytest.mark.parametrize(
    "target",
    [
        "/", "/secret.txt", "/link.html", "/inner/page.html", "/inner/", "/.", "/..", "/../page.html", "/./page.html",
        "/inner/../page.html", "/page.html/", "/page.html/..", "/page%2Ehtml", "/%70age.html", "/%2e%2e/secret.txt",
        "/..%2fsecret.txt", "/page.html%00", "/page.html;x", "/page.html#x", "/PAGE.HTML", "\\page.html", "page.html",
        "*", "//attacker.example/page.html", "http://attacker.example/page.html", "file:///etc/passwd", "/etc/passwd",
        "/" + "a/" * 10_000,
    ],
)  # fmt: skip
def test_any_other_path_is_not_found(server, target):
    for method in ("GET", "HEAD"):
        status, _, body = ask(server, method, target)
        assert status == 404
        assert "digits" not in body
        assert "secret" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "<script>"])
def test_any_other_method_is_refused(server, method):
    status, headers, body = ask(server, method)
    assert status == 501
    assert "digits" not in body
    assert "<script>" not in body
    assert "Access-Control-Allow-Origin" not in headers


def test_the_address_is_the_loopback_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):  # a server on all addresses would answer to this one too
        socket.create_connection(("127.0.0.2", server.server_port), timeout=2)


def test_a_file_that_is_replaced_by_a_link_is_not_followed(tmp_path):
    (tmp_path / "page.html").write_text(PAGE)
    (tmp_path / "secret.txt").write_text("secret")
    with running(tmp_path / "page.html") as server:
        (tmp_path / "page.html").unlink()
        (tmp_path / "page.html").symlink_to(tmp_path / "secret.txt")
        assert ask(server)[2] == PAGE


def test_a_dropped_connection_prints_nothing_and_the_next_is_served(server, capsys):
    for text in (b"GET /page.html HTTP/1.1\r\n", b"\x00\xff\r\n\r\n", b"GET " + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset
            client.sendall(text)
    assert ask(server)[2] == PAGE
    assert capsys.readouterr().err == ""


def test_ctrl_c_ends_the_server_which_has_said_its_address(tmp_path, capsys, monkeypatch):
    opened = []

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(server_module.webbrowser, "open", opened.append)
    monkeypatch.setattr(PageServer, "serve_forever", interrupted)
    (tmp_path / "page.html").write_text(PAGE)
    serve_page(tmp_path / "page.html", open_browser=True)
    (url,) = opened
    assert capsys.readouterr().err == f"{url} (Ctrl-C ends)\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_explorer_works_when_it_is_served(chromium, page_file, host):
    with running(page_file) as server:
        origin = f"http://{host}:{server.server_port}"
        with visit(chromium, f"{origin}/{page_file.name}") as visited:
            visited.page.wait_for_selector("#training-image[data-painted]")
            policy = ask(server, target=f"/{page_file.name}")[1]["Content-Security-Policy"]
        assert policy.count("sha256-") == 5
        assert "unsafe" not in policy
        visited.assert_quiet(f"{origin}/explorer.html", f"blob:{origin}/", "data:")
        assert [url for url in visited.requests if url.startswith("http")] == [f"{origin}/explorer.html"]
