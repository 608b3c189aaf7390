//! As much of HTTP/1.1 (RFC 9112) as requests with a JSON body of known length need: one after the other on a connection, nothing chunked.

use std::io::{BufRead, Read as _, Write};

use serde_json::Value;

/// The longest line of a head, in bytes.
const LINE_BYTES_MAX: u64 = 8 * 1024;
/// The most lines of a head.
const LINES_MAX: usize = 100;
/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// As in `POST`.
    pub method: String,
    /// As in `/charge`.
    pub path: String,
    /// What `Idempotency-Key` says.
    pub key: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether another request may follow on the connection.
    pub goes_on: bool,
}

/// Why a request cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status to answer with.
    pub status: u16,
    /// In words.
    pub why: &'static str,
}

/// Reads a request; `None` where the connection is closed in front of it.
///
/// # Errors
/// Those of the connection, which is closed in the middle of a request, or silent for too long.
pub fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Result<Request, Refused>>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 && head.is_empty() {
            return Ok(None);
        }
        let Some(line) = line.strip_suffix('\n') else {
            return Ok(Some(Err(Refused { status: 431, why: "a line of the head does not end" })));
        };
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.is_empty(), head.is_empty()) {
            // Empty lines in front of a request are no part of it.
            (true, true) => {}
            (true, false) => break,
            (false, _) if head.len() == LINES_MAX => {
                return Ok(Some(Err(Refused { status: 431, why: "the head has too many lines" })));
            }
            (false, _) => head.push(line.to_owned()),
        }
    }
    let (mut request, length) = match parse(&head) {
        Ok(parsed) => parsed,
        Err(refused) => return Ok(Some(Err(refused))),
    };
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body)?;
    Ok(Some(Ok(request)))
}

/// A request without its body, and how long that is.
fn parse(head: &[String]) -> Result<(Request, usize), Refused> {
    let refused = |status, why| Refused { status, why };
    let mut lines = head.iter();
    let mut words = lines.next().map(|line| line.split(' ')).into_iter().flatten();
    let (Some(method), Some(path), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(refused(400, "the first line is not METHOD PATH HTTP/1.1"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(refused(505, "this is HTTP/1.1"));
    }
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        key: None,
        body: Vec::new(),
        goes_on: version == "HTTP/1.1",
    };
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(refused(400, "a header is NAME: VALUE"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                length = value.parse().map_err(|_| refused(400, "the length is no number"))?;
            }
            "transfer-encoding" => return Err(refused(411, "a body has to say its length")),
            "connection" if value.eq_ignore_ascii_case("close") => request.goes_on = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => request.goes_on = true,
            "idempotency-key" => request.key = Some(value.to_owned()),
            _ => {}
        }
    }
    if length > BODY_BYTES_MAX {
        return Err(refused(413, "the body is too long"));
    }
    Ok((request, length))
}

/// Writes an answer.
///
/// # Errors
/// Those of the connection.
pub fn write(mut writer: impl Write, status: u16, body: &Value, goes_on: bool) -> std::io::Result<()> {
    let body = body.to_string();
    let reason = if status < 300 { "OK" } else { "Refused" };
    let connection = if goes_on { "keep-alive" } else { "close" };
    let (kind, length) = ("application/json", body.len());
    // In one piece: two would be two packets.
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{body}"
    );
    writer.write_all(answer.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut text: &[u8]) -> Vec<Result<Request, u16>> {
        let mut requests = Vec::new();
        while let Ok(Some(request)) = read(&mut text) {
            let is_wrong = request.is_err();
            requests.push(request.map_err(|refused| refused.status));
            if is_wrong {
                break;
            }
        }
        requests
    }

    #[test]
    fn requests_follow_one_another_on_a_connection() {
        let text = b"POST /charge HTTP/1.1\r\nHost: here\r\nidempotency-KEY:  k1 \r\nContent-Length: 2\r\n\r\n{}\
            \r\nGET / HTTP/1.1\nConnection: close\n\nPOST /old HTTP/1.0\r\n\r\n";
        let request = |method: &str, path: &str, key: Option<&str>, body: &[u8], goes_on| {
            let (method, path, body) = (method.to_owned(), path.to_owned(), body.to_vec());
            Ok(Request { method, path, key: key.map(ToOwned::to_owned), body, goes_on })
        };
        let wanted = [
            request("POST", "/charge", Some("k1"), b"{}", true),
            request("GET", "/", None, b"", false),
            request("POST", "/old", None, b"", false),
        ];
        assert_eq!(all(text), wanted);
    }

    #[test]
    fn what_is_no_request_is_refused_and_what_is_cut_off_is_an_error() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(10_000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
        for (text, status) in [
            ("hello\r\n\r\n", 400),
            ("GET / HTTP/2\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            ("GET / HTTP/1.1\r\nA: ", 431),
            (&long, 431),
            (&many, 431),
        ] {
            assert_eq!(all(text.as_bytes()), [Err(status)], "{text}");
        }
        assert_eq!(read(&mut &b""[..]).expect("it is closed"), None);
        assert!(read(&mut &b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}"[..]).is_err());
    }

    #[test]
    fn answers_say_how_long_they_are_and_whether_the_connection_goes_on() {
        let mut written = Vec::new();
        write(&mut written, 409, &serde_json::json!({ "abort": "no" }), false).expect("it is memory");
        let wanted = "HTTP/1.1 409 Refused\r\nContent-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"abort\":\"no\"}";
        assert_eq!(String::from_utf8_lossy(&written), wanted);
    }
}
