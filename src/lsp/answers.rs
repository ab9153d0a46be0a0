//! One answer a request.

use super::actions::{Asked, actions};
use super::completion::completion;
use super::edits::from_files;
use super::format::format;
use super::hover::hover;
use super::names;
use super::place::path_of;
use super::session::{Phase, Refusal};
use super::state::{Client, State};
use super::symbols::symbols;
use lsp_server::{Notification, Request, Response};
use lsp_types::notification::{self, Notification as _};
use lsp_types::request::{self, Request as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, CodeActionResponse,
    CompletionOptions, CompletionParams, CompletionResponse, DocumentFormattingParams, DocumentSymbolParams,
    DocumentSymbolResponse, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverContents, HoverParams,
    HoverProviderCapability, InitializeParams, InitializeResult, Location, MarkupContent, MarkupKind, MessageType,
    OneOf, PrepareRenameResponse, ReferenceParams, RenameOptions, RenameParams, ServerCapabilities, ServerInfo,
    ShowMessageParams, TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TextEdit, WorkDoneProgressOptions, WorkspaceEdit,
};
use std::collections::BTreeMap;
use std::path::Path;

impl State {
    pub(super) fn answer(&mut self, request: Request) -> Response {
        if let Err(refusal) = self.phase.allows(&request.method) {
            return refusal.response(request.id);
        }
        match request.method.as_str() {
            request::Initialize::METHOD => self.with::<request::Initialize>(request, Self::initialize),
            request::Shutdown::METHOD => {
                self.phase = Phase::Leaving;
                Response::new_ok(request.id, ())
            }
            request::Completion::METHOD => self.with::<request::Completion>(request, Self::completion),
            request::HoverRequest::METHOD => self.with::<request::HoverRequest>(request, Self::hover),
            request::GotoDefinition::METHOD => self.with::<request::GotoDefinition>(request, Self::definition),
            request::References::METHOD => self.with::<request::References>(request, Self::references),
            request::PrepareRenameRequest::METHOD => {
                self.with::<request::PrepareRenameRequest>(request, Self::prepare_rename)
            }
            request::Rename::METHOD => self.with::<request::Rename>(request, Self::rename),
            request::DocumentSymbolRequest::METHOD => {
                self.with::<request::DocumentSymbolRequest>(request, Self::symbols)
            }
            request::Formatting::METHOD => self.with::<request::Formatting>(request, Self::format),
            request::CodeActionRequest::METHOD => self.with::<request::CodeActionRequest>(request, Self::code_actions),
            other => Refusal::unknown_method(other).response(request.id),
        }
    }

    fn with<R: request::Request>(
        &mut self,
        request: Request,
        answer: fn(&mut Self, R::Params) -> Result<R::Result, Refusal>,
    ) -> Response {
        let parameters = match serde_json::from_value(request.params) {
            Ok(parameters) => parameters,
            Err(error) => return Refusal::parameters(R::METHOD, &error).response(request.id),
        };
        match answer(self, parameters) {
            Ok(result) => Response::new_ok(request.id, result),
            Err(refusal) => refusal.response(request.id),
        }
    }

    fn initialize(&mut self, parameters: InitializeParams) -> Result<InitializeResult, Refusal> {
        self.client = Client::of(parameters.capabilities);
        self.phase = Phase::Serving;
        Ok(InitializeResult {
            capabilities: capabilities(),
            server_info: Some(ServerInfo {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    fn completion(&mut self, parameters: CompletionParams) -> Result<Option<CompletionResponse>, Refusal> {
        let TextDocumentPositionParams { text_document, position } = parameters.text_document_position;
        let path = path_of(&text_document.uri);
        let project = self.projects(&path).into_iter().next();
        let (world, snippets) = (&self.world, self.client.snippets);
        let items = project.map(|project| completion(world, &project, &self.rules, &path, position, snippets));
        Ok(items.map(CompletionResponse::Array))
    }

    fn hover(&mut self, parameters: HoverParams) -> Result<Option<Hover>, Refusal> {
        let TextDocumentPositionParams { text_document, position } = parameters.text_document_position_params;
        let path = path_of(&text_document.uri);
        let now = self.clock.now();
        let found = match self.checked(&path) {
            Some(known) => hover(&known.project, &known.diagnostics, &self.rules, &path, position, now),
            // What is wrong here shows when it has been found: a pointer does not wait for a check.
            None => {
                self.projects(&path).first().and_then(|project| hover(project, &[], &self.rules, &path, position, now))
            }
        };
        Ok(found.map(|(value, range)| Hover {
            contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
            range: Some(range),
        }))
    }

    fn definition(&mut self, parameters: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>, Refusal> {
        let TextDocumentPositionParams { text_document, position } = parameters.text_document_position_params;
        let path = path_of(&text_document.uri);
        let found = self.projects(&path).into_iter().flat_map(|project| names::definitions(&project, &path, position));
        Ok(Some(GotoDefinitionResponse::Array(distinct(found))))
    }

    fn references(&mut self, parameters: ReferenceParams) -> Result<Option<Vec<Location>>, Refusal> {
        let TextDocumentPositionParams { text_document, position } = parameters.text_document_position;
        let path = path_of(&text_document.uri);
        let with_definition = parameters.context.include_declaration;
        let Some((named, projects)) = self.named(&path, position) else { return Ok(None) };
        let found = projects.iter().flat_map(|project| names::references(project, &named, with_definition));
        Ok(Some(distinct(found)))
    }

    fn prepare_rename(
        &mut self,
        parameters: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>, Refusal> {
        let path = path_of(&parameters.text_document.uri);
        let mut projects = self.projects(&path).into_iter();
        let found = projects.find_map(|project| names::renamable(&project, &path, parameters.position));
        Ok(found.map(|(range, placeholder)| PrepareRenameResponse::RangeWithPlaceholder { range, placeholder }))
    }

    fn rename(&mut self, parameters: RenameParams) -> Result<Option<WorkspaceEdit>, Refusal> {
        let TextDocumentPositionParams { text_document, position } = parameters.text_document_position;
        let path = path_of(&text_document.uri);
        let Some((named, projects)) = self.named(&path, position) else {
            return Err(Refusal::failed("there is no name of a key, source, tier or the like here".to_owned()));
        };
        let mut by_file: BTreeMap<&Path, Vec<TextEdit>> = BTreeMap::new();
        let mut caution = None;
        for project in &projects {
            let renaming = names::rename(project, &named, &parameters.new_name).map_err(Refusal::failed)?;
            let places = project.places();
            for edit in &renaming.edits {
                let change = TextEdit::new(places.range(edit.span), edit.text.clone());
                let changes = by_file.entry(places.path(edit.span.file)).or_default();
                // A file that several plans include is changed once.
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
            caution = caution.or(renaming.caution);
        }
        if let Some(message) = caution {
            let parameters = ShowMessageParams { typ: MessageType::WARNING, message };
            self.outbox.push(Notification::new(notification::ShowMessage::METHOD.to_owned(), parameters).into());
        }
        Ok(from_files(by_file, &self.world.documents, self.client.versioned))
    }

    fn symbols(&mut self, parameters: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>, Refusal> {
        let document = self.world.documents.get(&path_of(&parameters.text_document.uri));
        Ok(document.map(|document| DocumentSymbolResponse::Nested(symbols(&document.text))))
    }

    fn format(&mut self, parameters: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>, Refusal> {
        let document = self.world.documents.get(&path_of(&parameters.text_document.uri));
        Ok(document.and_then(|document| format(&document.text)))
    }

    fn code_actions(&mut self, parameters: CodeActionParams) -> Result<Option<CodeActionResponse>, Refusal> {
        let path = path_of(&parameters.text_document.uri);
        let only = parameters.context.only.unwrap_or_default();
        let asked = Asked {
            path: &path,
            range: parameters.range,
            only: &only,
            abilities: self.client.diagnostics,
            versioned: self.client.versioned,
        };
        Ok(self.analysis(&path).map(|analysis| actions(&analysis, &self.world.documents, &asked)))
    }
}

fn distinct(found: impl Iterator<Item = Location>) -> Vec<Location> {
    let mut locations = Vec::new();
    for location in found {
        if !locations.contains(&location) {
            locations.push(location);
        }
    }
    locations
}

fn capabilities() -> ServerCapabilities {
    let triggers = [" ", "=", "(", "\"", "{"];
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(true.into()),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(triggers.map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        document_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}
