//! Files as editors name them, and as the compiler does: by a path.

use std::path::Path;
use std::str::FromStr;

use lsp_types::Uri;

/// The name of a file: its path, or for what is in no file (a text that has never been saved) the URI itself.
pub(super) fn name(uri: &Uri) -> String {
    let text = uri.as_str();
    let Some(path) = text.strip_prefix("file://") else { return text.to_owned() };
    // What stands between the slashes is a host, and this one.
    let path = path.find('/').and_then(|start| path.get(start..)).unwrap_or(path);
    let path = decoded(path);
    // `/C:/file` is `C:/file`.
    let is_drive = matches!(path.as_bytes(), [b'/', letter, b':', ..] if letter.is_ascii_alphabetic());
    let path = if is_drive { path.trim_start_matches('/') } else { &path };
    // As `load` names files that are used: without `.`, and with the signs of this system.
    Path::new(path).components().collect::<std::path::PathBuf>().display().to_string()
}

/// The URI of a file; `None` where its name is none.
pub(super) fn of_name(name: &str) -> Option<Uri> {
    if !Path::new(name).is_absolute() {
        return Uri::from_str(name).ok();
    }
    let path = name.replace('\\', "/");
    let slash = if path.starts_with('/') { "" } else { "/" };
    Uri::from_str(&format!("file://{slash}{}", encoded(&path))).ok()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_and_uris() {
        for (uri, path) in [
            ("file:///data/me/order.chor", "/data/me/order.chor"),
            ("file:///data/me/a%20b/%C3%A4%25.chor", "/data/me/a b/ä%.chor"),
            ("file://localhost/data/./me//order.chor", "/data/me/order.chor"),
            ("untitled:Untitled-1", "untitled:Untitled-1"),
            ("file:///100%zz.chor", "/100%zz.chor"),
        ] {
            // What is no URI never comes in.
            if let Ok(parsed) = Uri::from_str(uri) {
                assert_eq!(name(&parsed), path);
                let again = of_name(path).expect("it has a URI");
                assert_eq!(name(&again), path);
            }
        }
        assert_eq!(
            of_name("/data/me/a b.chor").map(|uri| uri.to_string()).as_deref(),
            Some("file:///data/me/a%20b.chor")
        );
    }
}
