// Parts of the language that are decided but not built. Each is refused by name, so that nobody takes a
// section that does nothing for protection. A part that gets built moves from here to schema.ts.

type Planned = Readonly<Record<string, string>>;

export const LATER_ON_TOP: Planned = {
  databases: "replicated databases",
  dns: "names that follow health",
  jobs: "jobs of the cluster",
  rules: "rules of your own",
  checks: "checks of nodes, outside services",
  coordinator: "etcd as coordinator",
  notify: "notifications",
};

export const LATER_IN_NODE: Planned = {
  watchdog: "a watchdog of one node's own",
};

export const LATER_IN_SERVICE: Planned = {
  everywhere: "resources on every node",
  spread: "addresses shared out over nodes",
  actions: "commands on a change of role",
  after: "order between services",
  with: "services that belong together",
  apart: "services that keep apart",
  forward: "forwarding of late clients",
};

export const LATER_IN_PLACE: Planned = { sites: "placement by site" };

export const LATER_RESOURCES: Planned = {
  unit: "systemd units",
  drbd: "replicated block devices",
  filesystem: "mounts",
  ocf: "OCF resource agents",
  route: "routes",
};

export const LATER_CHECKS: Planned = {
  dns: "DNS checks",
  smtp: "SMTP checks",
  imap: "IMAP checks",
  mysql: "MariaDB checks",
  postgres: "PostgreSQL checks",
  ping: "ICMP checks",
};
