//! Certificates for the length of a test: authorities, and what they issue, as PEM files in a folder.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

/// A folder of certificates.
///
/// # Panics
/// All methods panic when the folder cannot be written, as a test would.
#[derive(Debug)]
pub struct Certificates {
    folder: tempfile::TempDir,
}

/// Somebody who vouches for certificates; the file is `NAME.pem`.
#[derive(Debug)]
pub struct Authority<'a> {
    files: &'a Certificates,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Default for Certificates {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }
}

impl Certificates {
    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// A file in the folder, as an argument of a command.
    pub fn argument(&self, file: &str) -> String {
        self.path(file).display().to_string()
    }

    /// Writes a file into the folder.
    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).expect("the folder can be written");
    }

    /// A new authority.
    pub fn authority(&self, name: &str) -> Authority<'_> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("an authority vouches for itself");
        self.write(&format!("{name}.pem"), &issuer.pem());
        Authority { files: self, issuer }
    }
}

impl Authority<'_> {
    /// Issues a certificate for hosts, as `NAME.pem` and `NAME.key`.
    pub fn issue(&self, name: &str, hosts: &[&str]) {
        self.sign(name, hosts, |_| {});
    }

    /// Issues a certificate that has run out.
    pub fn issue_expired(&self, name: &str, hosts: &[&str]) {
        self.sign(name, hosts, |params| {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        });
    }

    fn sign(&self, name: &str, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("names of hosts");
        // A name that is not the authority's, or it would count as signed by itself.
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority's key signs");
        self.files.write(&format!("{name}.pem"), &certificate.pem());
        self.files.write(&format!("{name}.key"), &key.serialize_pem());
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a new pair of keys")
}
