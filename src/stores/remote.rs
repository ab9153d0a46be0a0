use super::name::TEMPORARY_FOLDER;
use super::runtime::block_on;
use opendal::{Buffer, Operator, Writer};

/// How an object gets onto a service.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) operator: Operator,
    /// Stored with the object; empty where the service can't.
    pub(super) metadata: Vec<(String, String)>,
    /// Write under another name first: the service shows what is half written.
    pub(super) rename_to_commit: bool,
}

/// An object on its way to a service, not visible under its name yet.
pub(super) struct RemoteFile {
    upload: Upload,
    name: String,
    temporary: Option<String>,
    body: Body,
}

enum Body {
    Parts(Box<Writer>),
    /// For services that take an object in one piece only.
    Whole(Vec<Buffer>),
}

impl Upload {
    /// Whether the service takes an object part by part.
    pub(super) fn streams(operator: &Operator) -> bool {
        operator.info().capability().write_can_multi
    }

    pub(super) fn begin(self, name: &str, part_bytes: u64, concurrency: usize) -> opendal::Result<RemoteFile> {
        let temporary = self.rename_to_commit.then(|| temporary_name(name));
        let path = temporary.as_deref().unwrap_or(name);
        let body = if Self::streams(&self.operator) {
            let mut future = self.operator.writer_with(path).chunk(part_bytes as usize).concurrent(concurrency);
            if !self.metadata.is_empty() {
                future = future.user_metadata(self.metadata.clone());
            }
            Body::Parts(Box::new(block_on(future.into_future())?))
        } else {
            Body::Whole(Vec::new())
        };
        Ok(RemoteFile { upload: self, name: name.to_owned(), temporary, body })
    }

    /// A small object at once; `exclusively`: only if the name is free.
    pub(super) fn put(&self, name: &str, bytes: &[u8], exclusively: bool) -> opendal::Result<()> {
        let temporary = self.rename_to_commit.then(|| temporary_name(name));
        block_on(async {
            self.write(temporary.as_deref().unwrap_or(name), bytes.to_vec().into(), exclusively).await?;
            self.name_it(temporary.as_deref(), name).await
        })
    }

    async fn write(&self, path: &str, bytes: Buffer, exclusively: bool) -> opendal::Result<()> {
        let mut future = self.operator.write_with(path, bytes);
        if exclusively {
            future = future.if_not_exists(true);
        }
        if !self.metadata.is_empty() {
            future = future.user_metadata(self.metadata.clone());
        }
        future.await.map(drop)
    }

    async fn name_it(&self, temporary: Option<&str>, name: &str) -> opendal::Result<()> {
        let Some(temporary) = temporary else { return Ok(()) };
        let renamed = self.operator.rename(temporary, name).await;
        if renamed.is_err() {
            let _ = self.operator.delete(temporary).await;
        }
        renamed
    }
}

impl RemoteFile {
    /// After an error the file takes no more: what was to be written is lost.
    pub(super) fn write(&mut self, piece: Vec<u8>) -> opendal::Result<()> {
        match &mut self.body {
            Body::Parts(writer) => block_on(writer.write(piece)),
            Body::Whole(pieces) => {
                pieces.push(piece.into());
                Ok(())
            }
        }
    }

    /// Whether all bytes stay in memory until the end.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.body, Body::Whole(_))
    }

    /// Makes the object visible, or leaves nothing.
    pub(super) fn commit(self) -> opendal::Result<()> {
        let Self { upload, name, temporary, body } = self;
        let path = temporary.as_deref().unwrap_or(&name);
        block_on(async {
            match body {
                Body::Whole(pieces) => upload.write(path, pieces.into_iter().flatten().collect(), false).await?,
                Body::Parts(mut writer) => {
                    if let Err(error) = writer.close().await {
                        discard(writer, &upload.operator, temporary.as_deref()).await;
                        return Err(error);
                    }
                }
            }
            upload.name_it(temporary.as_deref(), &name).await
        })
    }

    /// Removes what was written. A store that can't be reached keeps parts that
    /// only its own lifecycle rule removes.
    pub(super) fn abort(self) {
        if let Body::Parts(writer) = self.body {
            block_on(discard(writer, &self.upload.operator, self.temporary.as_deref()));
        }
    }
}

async fn discard(mut writer: Box<Writer>, operator: &Operator, temporary: Option<&str>) {
    match temporary {
        // Such services can't abort: the truncated file stays where it is.
        Some(temporary) => {
            drop(writer);
            let _ = operator.delete(temporary).await;
        }
        None => {
            let _ = writer.abort().await;
        }
    }
}

/// A name that no other writer uses, in the folder that is never listed.
fn temporary_name(name: &str) -> String {
    let random = getrandom::u64().expect("the operating system gives random bytes");
    format!("{TEMPORARY_FOLDER}/{}-{random:016x}", name.replace('/', "-"))
}
