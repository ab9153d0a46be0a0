//! What each channel is sent, and how answers are taken.

use super::deliver::deliver_with;
use super::http::{Patience, Request};
use super::*;
use crate::base::Secret;
use crate::diagnostics::{Span, Spanned};
use crate::plan::{Channel, Command, Event, Notify, SecretRef};
use chrono::TimeZone;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

fn failure() -> Notification {
    Notification {
        event: Event::Failure,
        outcome: Outcome::Bad,
        plan: "rpa".to_owned(),
        host: "web-1".to_owned(),
        tier: Some("cloud".to_owned()),
        source: Some("data".to_owned()),
        time: chrono::Utc.with_ymd_and_hms(2026, 11, 24, 2, 0, 0).unwrap(),
        correlation: Some("20261124T020000Z-1f2e3d4c".to_owned()),
        title: "rpa/cloud/data failed: access is denied".to_owned(),
        text: "can't write `archives/data/x` in `s3://bucket`: access is denied (AccessDenied: <no> & \"never\")"
            .to_owned(),
        fields: vec![
            ("Snapshot".to_owned(), "none".to_owned()),
            ("Last success".to_owned(), "2026-11-23T22:00:00Z".to_owned()),
        ],
        summary: json!({ "outcome": "failed", "files": 12 }),
    }
}

fn event(event: Event, outcome: Outcome) -> Notification {
    Notification { event, outcome, ..failure() }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn literal(text: &str) -> SecretRef {
    SecretRef::Literal(secret(text))
}

fn shown(request: Request) -> String {
    let headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let body = String::from_utf8(request.body).unwrap();
    format!("{} {}\n{}\n\n{body}", request.method, request.url, headers.join("\n"))
}

fn notify(channel: Channel) -> Notify {
    let on = vec![Event::Failure, Event::Missed];
    Notify { name: Spanned::new("ops".to_owned(), Span::default()), channel, on, span: Span::default() }
}

fn hastily(notify: &Notify, notification: &Notification) -> Result<(), NotifyError> {
    let patience = Patience { first_delay: Duration::ZERO, ..Patience::default() };
    let resolve = |reference: &SecretRef| match reference {
        SecretRef::Literal(secret) => Ok(secret.clone()),
        _ => Err("the variable is not set".to_owned()),
    };
    deliver_with(notify, notification, &resolve, &patience)
}

#[test]
fn a_channel_wants_the_events_that_it_names() {
    let notify = notify(Channel::Slack { url: literal("https://x") });
    let wanted: Vec<Event> = Event::ALL.into_iter().filter(|event| super::wanted(&notify, *event)).collect();
    assert_eq!(wanted, [Event::Failure, Event::Missed]);
}

#[test]
fn slack_gets_a_text_and_blocks() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&slack::payload(&failure())).unwrap(), @r#"
    {
      "text": "rpa/cloud/data failed: access is denied",
      "blocks": [
        {
          "type": "header",
          "text": {
            "type": "plain_text",
            "text": "rpa/cloud/data failed: access is denied"
          }
        },
        {
          "type": "section",
          "text": {
            "type": "mrkdwn",
            "text": "can't write `archives/data/x` in `s3://bucket`: access is denied (AccessDenied: &lt;no&gt; &amp; \"never\")"
          }
        },
        {
          "type": "section",
          "fields": [
            {
              "type": "mrkdwn",
              "text": "*Snapshot*\nnone"
            },
            {
              "type": "mrkdwn",
              "text": "*Last success*\n2026-11-23T22:00:00Z"
            }
          ]
        },
        {
          "type": "context",
          "elements": [
            {
              "type": "mrkdwn",
              "text": "FAILED · rpa/cloud/data · web-1 · 2026-11-24T02:00:00Z"
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn slack_gets_no_more_than_it_takes() {
    let mut notification = failure();
    notification.title = "t".repeat(10_000);
    notification.text = "<".repeat(10_000);
    notification.fields = (0..100).map(|n| (n.to_string(), "v".repeat(5000))).collect();
    let payload = slack::payload(&notification);
    let blocks = payload["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= 150);
    assert!(blocks[1]["text"]["text"].as_str().unwrap().chars().count() <= 3000);
    for field in blocks[2]["fields"].as_array().unwrap() {
        assert!(field["text"].as_str().unwrap().chars().count() <= 2000);
    }
}

#[test]
fn healthchecks_gets_the_path_of_the_event_and_one_id_for_a_run() {
    let url = secret("https://hc.example/ping/0d8d1f2e/?create=1");
    let events = [
        event(Event::Start, Outcome::Neutral),
        event(Event::Success, Outcome::Good),
        event(Event::Recovered, Outcome::Good),
        event(Event::Partial, Outcome::Degraded),
        event(Event::Failure, Outcome::Bad),
        event(Event::Missed, Outcome::Bad),
        event(Event::Drill, Outcome::Good),
        event(Event::Drill, Outcome::Bad),
        event(Event::Report, Outcome::Neutral),
    ];
    let lines = events.map(|n| format!("{:<9} {}", n.event.to_string(), healthchecks::request(&url, &n).unwrap().url));
    insta::assert_snapshot!(lines.join("\n"), @"
    start     https://hc.example/ping/0d8d1f2e/start?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    success   https://hc.example/ping/0d8d1f2e?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    recovered https://hc.example/ping/0d8d1f2e?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    partial   https://hc.example/ping/0d8d1f2e/3?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    failure   https://hc.example/ping/0d8d1f2e/fail?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    missed    https://hc.example/ping/0d8d1f2e/fail?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    drill     https://hc.example/ping/0d8d1f2e/log?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    drill     https://hc.example/ping/0d8d1f2e/fail?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    report    https://hc.example/ping/0d8d1f2e/log?create=1&rid=25c29ef4-63ce-8def-8786-195e7ef3ebc0
    ");
}

#[test]
fn healthchecks_gets_the_end_of_a_long_text() {
    let mut notification = failure();
    notification.text = "ä".repeat(200_000);
    let body = healthchecks::request(&secret("https://hc.example/x"), &notification).unwrap().body;
    assert!(body.len() <= 100_000);
    assert!(String::from_utf8(body).unwrap().ends_with("2026-11-23T22:00:00Z"));
}

#[test]
fn ntfy_gets_title_priority_and_tags() {
    let request = ntfy::request(&secret("https://ntfy.example/backups"), Some(&secret("tk_secret")), &failure());
    insta::assert_snapshot!(shown(request.unwrap()), @r#"
    POST https://ntfy.example/backups
    title: FAILED rpa/cloud/data
    priority: 5
    tags: rotating_light
    authorization: Bearer tk_secret

    rpa/cloud/data failed: access is denied

    can't write `archives/data/x` in `s3://bucket`: access is denied (AccessDenied: <no> & "never")

    Snapshot      none
    Last success  2026-11-23T22:00:00Z
    "#);
}

#[test]
fn ntfy_priorities_follow_the_outcome() {
    let all = [
        event(Event::Start, Outcome::Neutral),
        event(Event::Success, Outcome::Good),
        event(Event::Partial, Outcome::Degraded),
        event(Event::Failure, Outcome::Bad),
        event(Event::Drill, Outcome::Bad),
        event(Event::Report, Outcome::Neutral),
    ];
    let priorities = all.map(|notification| ntfy::priority_and_tags(&notification).0);
    assert_eq!(priorities, ["1", "2", "4", "5", "5", "3"]);
    let mut long = failure();
    long.text = "€".repeat(5000);
    let body = ntfy::request(&secret("https://ntfy.example/x"), None, &long).unwrap().body;
    assert!(body.len() <= 4096 && String::from_utf8(body).unwrap().ends_with('…'));
}

fn hook(body: Option<&str>) -> webhook::Hook<'_> {
    webhook::Hook {
        url: secret("https://hooks.example/in?key=abc"),
        method: "put",
        headers: vec![("X-Team".to_owned(), secret("ops"))],
        body,
        hmac: Some(secret("Jefe")),
    }
}

#[test]
fn a_web_hook_gets_the_json_signed() {
    insta::assert_snapshot!(shown(webhook::request(&hook(None), &failure()).unwrap()), @r#"
    PUT https://hooks.example/in?key=abc
    content-type: application/json
    x-plan-signature: sha256=ffc3533d096a2ea7f5867272a7a6714fdf1077f6764342fa4051fa91431f7f8b
    x-team: ops

    {"format_version":1,"event":"failure","plan":"rpa","tier":"cloud","source":"data","host":"web-1","time":"2026-11-24T02:00:00Z","run":"20261124T020000Z-1f2e3d4c","title":"rpa/cloud/data failed: access is denied","text":"can't write `archives/data/x` in `s3://bucket`: access is denied (AccessDenied: <no> & \"never\")","fields":{"Snapshot":"none","Last success":"2026-11-23T22:00:00Z"},"summary":{"outcome":"failed","files":12}}
    "#);
}

#[test]
fn a_web_hooks_template_is_filled_and_stays_json() {
    let template = r#"{ "msg": "{event} of {plan}/{tier}/{source} on {host}: {text}", "run": {json}, "{x}": {} }"#;
    let filled = webhook::fill(template, &failure());
    let parsed: serde_json::Value = serde_json::from_str(&filled).unwrap();
    assert_eq!(parsed["run"]["summary"]["files"], 12);
    insta::assert_snapshot!(parsed["msg"].as_str().unwrap(), @r#"failure of rpa/cloud/data on web-1: can't write `archives/data/x` in `s3://bucket`: access is denied (AccessDenied: <no> & "never")"#);
    insta::assert_snapshot!(webhook::fill("{title} at {time} { {no} {text}", &failure()), @r#"rpa/cloud/data failed: access is denied at 2026-11-24T02:00:00Z { {no} can't write `archives/data/x` in `s3://bucket`: access is denied (AccessDenied: <no> & "never")"#);
}

#[test]
fn a_web_hooks_signature_is_hmac_sha256() {
    // RFC 4231, test case 2.
    let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(webhook::signature(b"Jefe", b"what do ya want for nothing?"), expected);
}

#[test]
fn a_mail_has_plain_text_and_html() {
    let to = ["Ops <ops@example.com>".to_owned(), "boss@example.com".to_owned()];
    let message = email::message(&to, "plan@example.com", &failure()).unwrap();
    let text = String::from_utf8(message.formatted()).unwrap().replace("\r\n", "\n");
    insta::assert_snapshot!(text, @r#"
    From: plan@example.com
    Date: Tue, 24 Nov 2026 02:00:00 +0000
    Message-ID: <dd49adff-f1bb-853d-8a05-60179aacc8ff@plan.invalid>
    Subject: [plan] FAILED rpa/cloud/data on web-1
    To: Ops <ops@example.com>, boss@example.com
    MIME-Version: 1.0
    Content-Type: multipart/alternative;
     boundary="plan-dd49adff-f1bb-853d-8a05-60179aacc8ff"

    --plan-dd49adff-f1bb-853d-8a05-60179aacc8ff
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    rpa/cloud/data failed: access is denied

    can't write `archives/data/x` in `s3://bucket`: access is denied (AccessDen=
    ied: <no> & "never")

    Snapshot      none
    Last success  2026-11-23T22:00:00Z
    --plan-dd49adff-f1bb-853d-8a05-60179aacc8ff
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    <!doctype html>
    <html><body>
    <h3>rpa/cloud/data failed: access is denied</h3>
    <pre>can't write `archives/data/x` in `s3://bucket`: access is denied (Acce=
    ssDenied: &lt;no&gt; &amp; &quot;never&quot;)</pre>
    <table>
    <tr><th align=3D"left">Snapshot</th><td>none</td></tr>
    <tr><th align=3D"left">Last success</th><td>2026-11-23T22:00:00Z</td></tr>
    </table>
    </body></html>

    --plan-dd49adff-f1bb-853d-8a05-60179aacc8ff--
    "#);
}

#[test]
fn mail_servers_are_reached_by_tls_unless_they_are_this_machine() {
    let texts = [
        "smtps://mail.example",
        "smtp://mail.example:2525",
        "mail.example",
        "mail.example:465",
        "localhost",
        "smtp://127.0.0.1:1025",
        "imap://mail.example",
        "smtp://user:pw@mail.example",
        "mail.example:port",
        "",
    ];
    let parsed = texts.map(|text| match email::Server::parse(text) {
        Ok(server) => format!("{text:<28} {server:?}"),
        Err(error) => format!("{text:<28} {}", error.detail),
    });
    insta::assert_snapshot!(parsed.join("\n"), @r#"
    smtps://mail.example         Server { host: "mail.example", port: 465, security: Tls }
    smtp://mail.example:2525     Server { host: "mail.example", port: 2525, security: StartTls }
    mail.example                 Server { host: "mail.example", port: 587, security: StartTls }
    mail.example:465             Server { host: "mail.example", port: 465, security: Tls }
    localhost                    Server { host: "localhost", port: 25, security: None }
    smtp://127.0.0.1:1025        Server { host: "127.0.0.1", port: 1025, security: None }
    imap://mail.example          its server is not `smtps://HOST`, `smtp://HOST:PORT` or `HOST:PORT`
    smtp://user:pw@mail.example  its server is not `smtps://HOST`, `smtp://HOST:PORT` or `HOST:PORT`
    mail.example:port            its server is not `smtps://HOST`, `smtp://HOST:PORT` or `HOST:PORT`
                                 its server is not `smtps://HOST`, `smtp://HOST:PORT` or `HOST:PORT`
    "#);
}

/// Answers one connection with each of `answers`, and returns the requests.
fn server(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = move || answers.iter().map(|answer| serve_once(listener.accept().unwrap().0, answer)).collect();
    (address, std::thread::spawn(serve))
}

fn serve_once(connection: TcpStream, answer: &str) -> String {
    let mut reader = BufReader::new(connection);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut request).unwrap(), 0, "{request}");
    }
    let length =
        request.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    request + &String::from_utf8(body).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_delivery_arrives_as_one_request() {
    let (address, requests) = server(vec![answer("204 No Content", "", "")]);
    let channel = Channel::Ntfy { url: literal(&format!("http://{address}/topic")), token: None };
    hastily(&notify(channel), &failure()).unwrap();
    let requests = requests.join().unwrap();
    assert!(requests[0].starts_with("POST /topic HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("\r\npriority: 5\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("\r\n\r\nrpa/cloud/data failed: access is denied\n"), "{}", requests[0]);
}

#[test]
fn a_busy_server_is_asked_again_and_a_refusal_is_final() {
    let answers = vec![
        answer("429 Too Many Requests", "retry-after: 0\r\n", ""),
        answer("503 Busy", "", ""),
        answer("200 OK", "", "ok"),
    ];
    let (address, requests) = server(answers);
    let channel = Channel::Slack { url: literal(&format!("http://{address}/services/T0/B0/verysecret")) };
    hastily(&notify(channel), &failure()).unwrap();
    assert_eq!(requests.join().unwrap().len(), 3);

    let (address, requests) = server(vec![answer("404 Not Found", "", "no_service at /services/T0/B0/verysecret")]);
    let channel = Channel::Slack { url: literal(&format!("http://{address}/services/T0/B0/verysecret")) };
    let error = hastily(&notify(channel), &failure()).unwrap_err();
    assert_eq!(error.kind, NotifyErrorKind::Refused);
    insta::assert_snapshot!(error, @"can't notify `ops` by slack at `127.0.0.1`: the server answered 404 Not Found (no_service at …)");
    assert_eq!(requests.join().unwrap().len(), 1);
}

#[test]
fn a_server_that_stays_busy_is_given_up() {
    let (address, requests) = server(vec![answer("500 Oops", "", "<html>\n sorry</html>"); 3]);
    let channel = Channel::Healthchecks { url: literal(&format!("http://{address}/ping/x")) };
    let error = hastily(&notify(channel), &failure()).unwrap_err();
    insta::assert_snapshot!(error, @"can't notify `ops` by healthchecks at `127.0.0.1`: the server answered 500 Internal Server Error (<html> sorry</html>)");
    assert_eq!(requests.join().unwrap().len(), 3);
}

#[test]
fn the_wait_between_attempts_is_what_the_server_asks_for_within_reason() {
    let patience = Patience::default();
    let seconds = |attempt, asked: Option<u64>| patience.delay(attempt, asked.map(Duration::from_secs)).as_secs();
    assert_eq!([seconds(0, None), seconds(1, None), seconds(0, Some(7)), seconds(0, Some(3600))], [1, 2, 7, 20]);
}

#[test]
fn errors_never_hold_the_address() {
    let unreachable = Channel::Slack { url: literal("http://127.0.0.1:9/services/verysecret") };
    let no_address = Channel::Slack { url: literal("hooks.example/verysecret") };
    let unset = Channel::Slack { url: SecretRef::Env("SLACK_WEBHOOK".to_owned()) };
    let errors = [unreachable, no_address, unset].map(|channel| {
        let error = hastily(&notify(channel), &failure()).unwrap_err();
        format!("{:?}: {error}", error.kind)
    });
    insta::assert_snapshot!(errors.join("\n"), @r#"
    Unreachable: can't notify `ops` by slack at `127.0.0.1`: it can't be reached (Connection refused (os error 111))
    Settings: can't notify `ops` by slack: its address is no `https://` or `http://` address
    Settings: can't notify `ops` by slack: its address `(env)"SLACK_WEBHOOK"` can't be resolved: the variable is not set
    "#);
}

fn command(program: &str, arguments: &[&str]) -> Channel {
    let program = Spanned::new(program.to_owned(), Span::default());
    let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
    Channel::Command { command: Command { program, arguments, span: Span::default() } }
}

#[test]
fn a_command_reads_the_json_from_its_standard_input() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let script = format!("cat > {0}; echo \"$PLAN_EVENT $PLAN_SUBJECT\" >> {0}", out.display());
    hastily(&notify(command("sh", &["-c", &script])), &failure()).unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    let (read, variables) = text.rsplit_once('}').unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&format!("{read}}}")).unwrap();
    assert_eq!(parsed, failure().to_json());
    assert_eq!(variables.trim(), "failure rpa/cloud/data");
}

#[test]
fn a_failed_command_tells_its_last_words() {
    let errors = [
        command("sh", &["-c", "echo one >&2; echo the pager is down >&2; exit 3"]),
        command("sh", &["-c", "exit 1"]),
        command("/no/such/program", &[]),
    ]
    .map(|channel| hastily(&notify(channel), &failure()).unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n"), @"
    can't notify `ops` by command: `sh` ended with exit status: 3: the pager is down
    can't notify `ops` by command: `sh` ended with exit status: 1
    can't notify `ops` by command: `/no/such/program` can't be started: No such file or directory (os error 2)
    ");
}

/// Speaks just enough SMTP to take one mail; returns what was said to it.
fn smtp_server(answer_to_data: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = move || {
        let mut reader = BufReader::new(listener.accept().unwrap().0);
        let mut heard = String::new();
        reader.get_mut().write_all(b"220 stub\r\n").unwrap();
        loop {
            let start = heard.len();
            if reader.read_line(&mut heard).unwrap() == 0 {
                return heard;
            }
            let answer = match heard[start..].split_whitespace().next().unwrap_or_default() {
                "EHLO" => "250 stub",
                "DATA" => {
                    reader.get_mut().write_all(b"354 go on\r\n").unwrap();
                    while !heard.ends_with("\r\n.\r\n") {
                        assert_ne!(reader.read_line(&mut heard).unwrap(), 0);
                    }
                    answer_to_data
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            reader.get_mut().write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        }
    };
    (address, std::thread::spawn(serve))
}

fn mail(server: &str) -> Channel {
    Channel::Email {
        to: vec!["ops@example.com".to_owned()],
        from: "plan@example.com".to_owned(),
        server: literal(server),
        user: None,
        password: None,
    }
}

#[test]
fn a_mail_is_handed_to_a_server_on_this_machine() {
    let (address, heard) = smtp_server("250 queued");
    hastily(&notify(mail(&address)), &failure()).unwrap();
    let heard = heard.join().unwrap();
    assert!(heard.contains("MAIL FROM:<plan@example.com>"), "{heard}");
    assert!(heard.contains("RCPT TO:<ops@example.com>"), "{heard}");
    assert!(heard.contains("Subject: [plan] FAILED rpa/cloud/data on web-1"), "{heard}");
}

#[test]
fn a_mail_that_is_refused_says_why() {
    let (address, heard) = smtp_server("554 5.7.1 spam");
    let error = hastily(&notify(mail(&address)), &failure()).unwrap_err();
    insta::assert_snapshot!(error, @"can't notify `ops` by email at `127.0.0.1`: the server answered: permanent error (554): 5.7.1 spam");
    heard.join().unwrap();
    let half = Channel::Email {
        to: vec!["ops@example.com".to_owned()],
        from: "plan@example.com".to_owned(),
        server: literal(&address),
        user: Some(literal("user")),
        password: None,
    };
    insta::assert_snapshot!(hastily(&notify(half), &failure()).unwrap_err(), @"can't notify `ops` by email: a user needs a password, and a password a user");
}
