//! What stands between the brackets of `choreo!`, and the file that it may name.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chor::load::{decode, load, too_long};
use chor::source::{FILE_LENGTH_BYTES_MAX, SourceFile, Sources};
use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Token};

/// What the macro is called with.
pub enum Input {
    /// A file.
    File(FileInput),
    /// A choreography; its text is read from the source, for tokens have lost the comments and the places.
    Inline {
        /// The one role to generate.
        role: Option<Ident>,
    },
}

/// `"file.chor"`, `"file.chor", role = Name`
pub struct FileInput {
    /// The path, as the user wrote it.
    pub path: LitStr,
    /// The one role to generate.
    pub role: Option<Ident>,
}

impl Parse for FileInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = input.parse()?;
        let mut role = None;
        if input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            role = Some(parse_role(input)?);
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(Self { path, role })
    }
}

/// `role = Name`
fn parse_role(input: ParseStream<'_>) -> syn::Result<Ident> {
    let key: Ident = input.parse()?;
    if key != "role" {
        return Err(syn::Error::new(key.span(), "expected `role = Name`"));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// Tells what the macro is called with.
pub fn read(tokens: TokenStream) -> syn::Result<Input> {
    let first: Vec<TokenTree> = tokens.clone().into_iter().take(2).collect();
    match first.as_slice() {
        [TokenTree::Literal(_), ..] => syn::parse2(tokens).map(Input::File),
        [TokenTree::Ident(key), TokenTree::Punct(mark)] if key == "role" && mark.as_char() == '=' => {
            let header = |input: ParseStream<'_>| {
                let role = parse_role(input)?;
                input.parse::<Token![;]>()?;
                input.parse::<TokenStream>()?;
                Ok(role)
            };
            let role = syn::parse::Parser::parse2(header, tokens)?;
            Ok(Input::Inline { role: Some(role) })
        }
        _ => Ok(Input::Inline { role: None }),
    }
}

/// Where a path counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The directory of the file with the call.
    Call,
    /// The package's directory, where `Cargo.toml` is.
    Package,
}

/// The file of that path with all that it uses, and what the path counts from; or why it cannot be read.
pub fn read_file(literal: &LitStr) -> Result<(Sources, Base), String> {
    let beside = directory(literal).join(literal.value());
    let in_package = package().join(literal.value());
    let (path, base) = match (beside.is_file(), in_package.is_file()) {
        (false, true) => (in_package, Base::Package),
        (true, _) => (beside, Base::Call),
        (false, false) => {
            let beside = beside.display();
            return Err(format!("there is no such file, neither {beside} nor one in the directory of `Cargo.toml`"));
        }
    };
    let name = path.display().to_string();
    let text = read_text(&name).map_err(|fault| format!("{name}: {fault}"))?;
    Ok((load(SourceFile::new(name, text), read_text), base))
}

/// The text of a file, or why it cannot be read.
pub fn read_text(path: &str) -> Result<String, String> {
    let fault = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "cannot be read: there is no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let metadata = std::fs::metadata(path).map_err(fault)?;
    if metadata.len() > FILE_LENGTH_BYTES_MAX {
        return Err(too_long(metadata.len()));
    }
    decode(std::fs::read(path).map_err(fault)?)
}

/// The directory of the file that the literal stands in. An editor's analysis may not know it; then the crate's `src`.
fn directory(literal: &LitStr) -> PathBuf {
    let file = literal.span().unwrap().local_file();
    match file.as_deref().and_then(Path::parent) {
        Some(directory) => directory.to_owned(),
        None => package().join("src"),
    }
}

/// The directory of the package with the call.
fn package() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
}
