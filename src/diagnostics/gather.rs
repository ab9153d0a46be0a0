use super::{Diagnostic, FileId, Fix, Label, SourceFiles, Span};

/// What several checks have found, as if it were one: for formats that are one document.
///
/// A file that several plans include is there once, and so is what all of them say of it.
#[derive(Debug, Default)]
pub struct Gathered {
    pub files: SourceFiles,
    /// In reading order, file by file as they were added.
    pub diagnostics: Vec<Diagnostic>,
}

impl Gathered {
    pub fn add(&mut self, files: &SourceFiles, diagnostics: &[Diagnostic]) {
        let moved: Vec<FileId> = files
            .iter()
            .map(|(_, file)| {
                let same =
                    |(_, known): &(FileId, &super::SourceFile)| known.name == file.name && known.text == file.text;
                let known = self.files.iter().find(same).map(|(id, _)| id);
                known.unwrap_or_else(|| self.files.add(file.name.clone(), file.text.clone()))
            })
            .collect();
        let place = |span: Span| Span { file: moved[span.file.0 as usize], ..span };
        self.diagnostics.extend(diagnostics.iter().map(|diagnostic| moved_to(diagnostic, place)));
        Diagnostic::sort(&mut self.diagnostics);
    }
}

fn moved_to(diagnostic: &Diagnostic, place: impl Fn(Span) -> Span) -> Diagnostic {
    let label = |label: &Label| Label { span: place(label.span), text: label.text.clone() };
    let fix = |fix: &Fix| {
        let mut fix = fix.clone();
        fix.edits.iter_mut().for_each(|edit| edit.span = place(edit.span));
        fix
    };
    Diagnostic {
        primary: label(&diagnostic.primary),
        labels: diagnostic.labels.iter().map(label).collect(),
        fix: diagnostic.fix.as_ref().map(fix),
        ..diagnostic.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Rule, Severity};

    static WRONG: Rule = Rule {
        code: "plan::test::wrong",
        severity: Severity::Error,
        title: "something is wrong",
        why: "",
        bad: "",
        good: "",
    };

    #[test]
    fn what_two_plans_say_of_one_included_file_is_said_once() {
        let mut gathered = Gathered::default();
        for name in ["a.kdl", "b.kdl"] {
            let mut files = SourceFiles::default();
            let plan = files.add(name, name);
            let shared = files.add("shared.kdl", "key ops");
            let fix = Fix::replace(Span::new(shared, 4..7), "other");
            let at_plan = Diagnostic::new(&WRONG, Span::new(plan, 0..1), "here").also(Span::new(shared, 0..3), "");
            gathered.add(&files, &[at_plan, Diagnostic::new(&WRONG, Span::new(shared, 4..7), "there").fix(fix)]);
        }
        let names: Vec<&str> = gathered.files.iter().map(|(_, file)| file.name.as_str()).collect();
        assert_eq!(names, ["a.kdl", "shared.kdl", "b.kdl"]);
        let said =
            gathered.diagnostics.iter().map(|found| (found.message.as_str(), gathered.files.text(found.primary.span)));
        assert_eq!(said.collect::<Vec<_>>(), [("here", "a"), ("there", "ops"), ("here", "b")]);
        assert_eq!(gathered.files.text(gathered.diagnostics[2].labels[0].span), "key");
        let fix = gathered.diagnostics[1].fix.as_ref().expect("it has one");
        assert_eq!(gathered.files.text(fix.edits[0].span), "ops");
    }
}
