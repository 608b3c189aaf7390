//! What stands between the brackets of `choreo!`, and the file that it may name.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::PathBuf;

use chor::load::{decode, load, too_long};
use chor::source::{FILE_LENGTH_BYTES_MAX, SourceFile, Sources};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Path, Token};

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

/// `"file.chor"`, `"file.chor", role = Name`, `"file.chor", shares = "other.chor" in path`
pub struct FileInput {
    /// The path, as the user wrote it.
    pub path: LitStr,
    /// The one role to generate.
    pub role: Option<Ident>,
    /// Another version of the file, and the module that its Rust is in.
    pub shares: Option<(LitStr, Path)>,
}

impl Parse for FileInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = input.parse()?;
        let (mut role, mut shares) = (None, None);
        while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let key: Ident = input.fork().parse()?;
            if key == "shares" && shares.is_none() {
                shares = Some(parse_shares(input)?);
            } else if role.is_none() {
                role = Some(parse_role(input)?);
            } else {
                return Err(syn::Error::new(key.span(), EXPECTED));
            }
        }
        Ok(Self { path, role, shares })
    }
}

const EXPECTED: &str = "expected `role = Name` or `shares = \"other.chor\" in path::of::its::module`";

/// `role = Name`
fn parse_role(input: ParseStream<'_>) -> syn::Result<Ident> {
    let key: Ident = input.parse()?;
    if key != "role" {
        return Err(syn::Error::new(key.span(), EXPECTED));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// `shares = "other.chor" in path`
fn parse_shares(input: ParseStream<'_>) -> syn::Result<(LitStr, Path)> {
    input.parse::<Ident>()?;
    input.parse::<Token![=]>()?;
    let file = input.parse()?;
    input.parse::<Token![in]>()?;
    Ok((file, Path::parse_mod_style(input)?))
}

/// Tells what the macro is called with.
pub fn read(tokens: TokenStream) -> syn::Result<Input> {
    let tokens = ungrouped(tokens);
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

/// The same tokens without the invisible brackets that stand around what a `macro_rules!` hands on, as in `choreo!($file)`.
fn ungrouped(tokens: TokenStream) -> TokenStream {
    let flat = |token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => ungrouped(group.stream()),
        TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => token.into(),
    };
    tokens.into_iter().flat_map(flat).collect()
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
            let name = PathBuf::from(literal.value());
            let instead = name.file_name().and_then(|name| elsewhere(&package(), name));
            let instead = instead.map_or_else(String::new, |path| format!("; did you mean `{path}`?"));
            let beside = beside.display();
            return Err(format!(
                "there is no such file, neither {beside} nor one in the directory of `Cargo.toml`{instead}"
            ));
        }
    };
    let name = path.display().to_string();
    let text = read_text(&name).map_err(|fault| format!("{name}: {fault}"))?;
    Ok((load(SourceFile::new(name, text), read_text), base))
}

/// How many directories of a package are looked into for a file that is not where it is said to be.
const DIRECTORIES_MAX: usize = 1_000;

/// The path, from the package, of a file of that name that stands somewhere in it, if there is exactly one.
fn elsewhere(package: &std::path::Path, name: &OsStr) -> Option<String> {
    let mut open = vec![package.to_owned()];
    let mut found = Vec::new();
    for _ in 0..DIRECTORIES_MAX {
        let Some(directory) = open.pop() else { break };
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            match entry.file_type() {
                // What is built is not written, and a link may lead round in a circle.
                Ok(kind) if kind.is_dir() && !is_hidden && entry.file_name() != "target" => open.push(entry.path()),
                Ok(kind) if kind.is_file() && entry.file_name() == name => found.push(entry.path()),
                _ => {}
            }
        }
    }
    match found.as_slice() {
        [only] => Some(only.strip_prefix(package).ok()?.to_string_lossy().replace('\\', "/")),
        _ => None,
    }
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
    match file.as_deref().and_then(std::path::Path::parent) {
        Some(directory) => directory.to_owned(),
        None => package().join("src"),
    }
}

/// The directory of the package with the call.
fn package() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_another_directory_of_the_package() {
        let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(elsewhere(package, OsStr::new("input.rs")).as_deref(), Some("src/input.rs"));
        assert_eq!(elsewhere(package, OsStr::new("nowhere.chor")), None);
    }
}
