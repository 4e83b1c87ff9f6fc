//! Paths as CI wants them: relative to the folder that the program runs in, with slashes.

use std::path::{Component, Path};

/// The path relative to `root` where it lies inside, with slashes between its parts and without `.` at its beginning.
pub fn relative(file: &str, root: &Path) -> String {
    let path = Path::new(file);
    let path = path.strip_prefix(root).unwrap_or(path);
    let mut parts = Vec::new();
    for component in path.components().filter(|component| *component != Component::CurDir) {
        match component {
            Component::RootDir => parts.push(if parts.is_empty() { "/".to_owned() } else { String::new() }),
            component => parts.push(component.as_os_str().to_string_lossy().into_owned()),
        }
    }
    match parts.join("/").replace("//", "/") {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    }
}

/// The path as a URI reference (RFC 3986), and whether it is relative to `root`.
pub fn uri(file: &str, root: &Path) -> (String, bool) {
    let path = relative(file, root);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encode = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let encoded: String = path.bytes().map(encode).collect();
    match encoded.starts_with('/') {
        true => (format!("file://{encoded}"), false),
        false => (encoded, true),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_where_they_can_be() {
        let root = Path::new("/srv");
        for (file, expected) in [
            ("./model/config.json", "model/config.json"),
            ("/srv/model/config.json", "model/config.json"),
            ("/other/config.json", "/other/config.json"),
            ("../model//a", "../model/a"),
            (".", "."),
            ("/srv", "."),
        ] {
            assert_eq!(relative(file, root), expected, "{file}");
        }
    }

    #[test]
    fn uris_are_escaped() {
        let root = Path::new("/srv");
        assert_eq!(uri("mein modell/c:ä%.json", root), ("mein%20modell/c%3A%C3%A4%25.json".to_owned(), true));
        assert_eq!(uri("/other/a", root), ("file:///other/a".to_owned(), false));
    }
}
