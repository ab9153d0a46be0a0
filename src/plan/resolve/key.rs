//! `key NAME { … }`.

use super::{Resolver, argument};
use crate::diagnostics::{Diagnostic, Rule, Severity, Spanned};
use crate::language::{Node, ValueKind};
use crate::plan::{Identity, Key, Recipient, SecretRef};

static CREATE: Rule = Rule {
    code: "plan::key::create_without_file",
    severity: Severity::Error,
    title: "only an identity in a file can be created",
    why: "`create=#true` lets the first run make an identity and write it where the plan says. It can write a file; \
          it cannot set an environment variable or teach a command.",
    bad: "key demo {\n    identity (env)DEMO_KEY create=#true\n}",
    good: "key demo {\n    identity (file)\"demo.key\" create=#true\n}",
};

pub(super) static RULES: [&Rule; 1] = [&CREATE];

impl Resolver<'_> {
    pub(super) fn key(&mut self, node: &Node) -> Option<Key> {
        let recipients = node
            .children_named("recipient")
            .filter_map(|child| {
                let note = child.property("note").and_then(|note| note.as_str()).map(str::to_owned);
                Some(Recipient { text: argument(child)?, note })
            })
            .collect();
        let identities = node.children_named("identity").filter_map(|child| self.identity(child)).collect();
        let passphrase =
            node.child("passphrase").and_then(|child| child.arguments.first()).and_then(|value| self.secret(value));
        Some(Key { name: self.name(node, "key")?, recipients, identities, passphrase, span: node.span })
    }

    fn identity(&mut self, node: &Node) -> Option<Identity> {
        let secret = node.arguments.first().and_then(|value| self.secret(value));
        let create = node.property("create").filter(|value| value.kind == ValueKind::Bool(true));
        if let (Some(create), Some(secret)) = (create, &secret)
            && !matches!(secret.value, SecretRef::File(_))
        {
            self.diagnostics.push(
                Diagnostic::new(&CREATE, create.span, "only an identity in a file can be created")
                    .also(secret.span, "not a `(file)`")
                    .help("write `identity (file)\"PATH\" create=#true`"),
            );
        }
        secret.map(|secret: Spanned<SecretRef>| Identity {
            create: create.is_some() && matches!(secret.value, SecretRef::File(_)),
            secret,
        })
    }
}
