//! The network of a run: hosts in namespaces of their own on one bridge, and cuts between them.
//!
//! A cut drops packets at the one who would receive them, so it is silent, and goes in one direction. What is cut can be
//! healed, and connections that outlived it go on.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use jcache_testkit::process::Place;

/// A host: a network namespace with one address.
#[derive(Debug)]
pub struct Host {
    name: String,
    place: Place,
}

impl Host {
    /// Makes the host `name` with the address 10.0.0.`number`.
    ///
    /// # Panics
    /// When this process is not in its [sandbox](crate::sandbox).
    pub fn new(name: &str, number: u8) -> Self {
        assert!(crate::sandbox::is_inside(), "hosts are made inside of a sandbox");
        let address = IpAddr::from(Ipv4Addr::new(10, 0, 0, number));
        let before = ["ip", "netns", "exec", name].map(str::to_owned).into();
        ip(&format!("netns add {name}"));
        ip(&format!("link add name {name} type veth peer name eth0 netns {name}"));
        ip(&format!("link set dev {name} master br0 up"));
        ip(&format!("-n {name} addr add {address}/24 dev eth0"));
        ip(&format!("-n {name} link set eth0 up"));
        ip(&format!("-n {name} link set lo up"));
        Self { name: name.to_owned(), place: Place { address, before } }
    }

    /// Where its programs run.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.place.address
    }

    /// What `from` sends no longer arrives here.
    ///
    /// # Panics
    /// When iptables fails.
    pub fn refuse(&self, from: &Host) {
        self.refuse_address(from.address());
    }

    /// What `from` sends no longer arrives here.
    ///
    /// # Panics
    /// When iptables fails.
    pub fn refuse_address(&self, from: IpAddr) {
        self.iptables(&format!("-I INPUT -s {from} -j DROP"));
    }

    /// Loses each packet that arrives with a probability.
    ///
    /// # Panics
    /// When iptables fails.
    pub fn lose(&self, probability: f64) {
        self.iptables(&format!("-I INPUT -m statistic --mode random --probability {probability} -j DROP"));
    }

    /// Everything arrives again.
    ///
    /// # Panics
    /// When iptables fails.
    pub fn heal(&self) {
        self.iptables("-F INPUT");
    }

    fn iptables(&self, line: &str) {
        ip(&format!("netns exec {} iptables -w {line}", self.name));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for line in [format!("link del dev {}", self.name), format!("netns del {}", self.name)] {
            // The sandbox ends anyway: what cannot be removed now goes with it.
            let _ = Command::new("ip").args(line.split(' ')).output();
        }
    }
}

/// Neither of the two hears the other.
pub fn cut(a: &Host, b: &Host) {
    a.refuse(b);
    b.refuse(a);
}

fn ip(line: &str) {
    let output = Command::new("ip").args(line.split(' ')).output().expect("ip runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {line}: {}", said.trim());
}
