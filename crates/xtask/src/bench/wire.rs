//! One keep-alive HTTP/1.1 connection over loopback: bytes out, status and body back. As cheap as can
//! be, because it shares the cores with the server it measures.
//!
//! Invariant: an answer has a Content-Length; anything else is an error. Deliberately not here: TLS,
//! redirects, retries.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Our server gives up after 20 seconds and says so.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Wire {
    pub fn open(address: SocketAddr) -> Result<Wire> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Wire { stream, buffer: vec![0; 4_096], filled: 0 })
    }

    /// Sends a whole request and waits for its whole answer.
    pub fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        self.filled = 0;
        let head = loop {
            self.fill()?;
            if let Some(head) = Head::parse(&self.buffer[..self.filled])? {
                break head;
            }
        };
        while self.filled < head.end + head.length {
            self.fill()?;
        }
        Ok(Answer { status: head.status, body: &self.buffer[head.end..head.end + head.length] })
    }

    fn fill(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.filled += read;
        Ok(())
    }
}

/// A GET without a body.
pub fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    request("GET", path, token, &[], "")
}

/// A POST of JSON.
pub fn post(path: &str, token: Option<&str>, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    request("POST", path, token, headers, body)
}

fn request(method: &str, path: &str, token: Option<&str>, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: bursar\r\n");
    if let Some(token) = token {
        text.extend(["Authorization: Bearer ", token, "\r\n"]);
    }
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        let length = body.len().to_string();
        text.extend(["Content-Type: application/json\r\nContent-Length: ", &length, "\r\n"]);
    }
    text.extend(["\r\n", body]);
    text.into_bytes()
}

struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    length: usize,
}

impl Head {
    /// `None` while the head is not complete.
    fn parse(bytes: &[u8]) -> Result<Option<Head>> {
        let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let malformed = || Error::from(ErrorKind::InvalidData);
        let text = std::str::from_utf8(&bytes[..at]).map_err(|_| malformed())?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let mut headers = lines.filter_map(|line| line.split_once(':'));
        let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|(_, digits)| digits.trim().parse().ok());
        Ok(Some(Head {
            status: status.ok_or_else(malformed)?,
            end: at + 4,
            length: length.ok_or_else(malformed)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 64];
            let length = stream.read(&mut asked).unwrap();
            for piece in ["HTTP/1.1 200 OK\r\ncontent-", "length: 5\r\n\r\nhe", "llo"] {
                stream.write_all(piece.as_bytes()).unwrap();
                stream.flush().unwrap();
            }
            String::from_utf8(asked[..length].to_vec()).unwrap()
        });
        let mut wire = Wire::open(address).unwrap();
        let answer = wire.call(&get("/healthz", None)).unwrap();
        assert_eq!((answer.status, answer.body), (200, b"hello".as_slice()));
        assert_eq!(server.join().unwrap(), "GET /healthz HTTP/1.1\r\nHost: bursar\r\n\r\n");
    }

    #[test]
    fn a_head_without_a_length_is_refused() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n").unwrap().is_none());
    }
}
