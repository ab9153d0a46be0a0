use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// A web hook on loopback: takes every POST and keeps its body.
pub struct WebHook {
    pub url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl WebHook {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        // Lives as long as the test's process, waiting for one more.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let mut length = 0;
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                    if let Some((name, value)) = line.split_once(':')
                        && name.eq_ignore_ascii_case("content-length")
                    {
                        length = value.trim().parse().expect("a length is a number");
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_ok() {
                    kept.lock().expect("no test panics with it").push(String::from_utf8_lossy(&body).into_owned());
                }
                let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                drop(reader.get_mut().write_all(response));
            }
        });
        Self { url, bodies }
    }

    /// All bodies so far, oldest first.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().expect("the receiver does not panic with it").clone()
    }
}
