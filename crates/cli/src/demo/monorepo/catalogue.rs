//! What stands in the monorepo: a line for each service, and who copies which module of `tools/`.
//!
//! The services and the modules they copy are those of the platform's own hand-kept matrix; the sentences about them
//! are ours. A service is called after its folder, and its repository after the service.

/// What a service does, and with that what its folder looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Answers requests.
    Api,
    /// Works off a queue.
    Worker,
    /// Fills a queue from time to time.
    Scheduler,
    /// Runs once, to the end.
    Job,
    /// Third-party software with a configuration of ours.
    Store {
        /// The file with the configuration.
        config: &'static str,
        /// The directory of the image that it is read from.
        directory: &'static str,
        /// What stands in it.
        text: &'static str,
        /// What is started.
        command: &'static str,
    },
    /// The web interface.
    FrontEnd,
}

/// A service: one folder, one Dockerfile, one image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) role: Role,
    /// The folder from the repository's root; its last part is the name.
    pub(super) folder: &'static str,
    /// Half a sentence about what it does.
    pub(super) about: &'static str,
    /// The modules of `tools/` that it copies.
    pub(super) tools: &'static [&'static str],
}

impl Entry {
    /// The name of the service, and of its repository.
    pub(super) fn name(&self) -> &'static str {
        self.folder.rsplit('/').next().unwrap_or(self.folder)
    }
}

/// Images of the platform's registry that are built elsewhere: they are only carried along.
pub(super) const CARRIED: [&str; 7] =
    ["minio", "phpmyadmin", "thanos-compactor", "thanos-query", "thanos-receive", "thanos-storegateway", "thanos-web"];

/// Images that are in the registry for two platforms, so that a release which drops one would show.
pub(super) const MULTI_ARCH: [&str; 4] = ["etcd", "mariadb", "minio", "redis"];

/// The services whose Dockerfile runs a command, so that a real engine has something to run.
pub(super) const RUNS_A_COMMAND: [&str; 2] = ["error_pages", "redis"];

/// The services that have a second Dockerfile, for their tests.
pub(super) const TESTED: [&str; 3] = ["auth", "diworker", "rest_api"];

const ADAPTER: &str = "cloud_adapter";
const DATA: &str = "optscale_data";
const EXCEPTIONS: &str = "optscale_exceptions";
const TIME: &str = "optscale_time";
const TYPES: &str = "optscale_types";

type Tools = &'static [&'static str];

const fn api(folder: &'static str, tools: Tools, about: &'static str) -> Entry {
    Entry { role: Role::Api, folder, about, tools }
}

const fn worker(folder: &'static str, tools: Tools, about: &'static str) -> Entry {
    Entry { role: Role::Worker, folder, about, tools }
}

const fn scheduler(folder: &'static str, tools: Tools, about: &'static str) -> Entry {
    Entry { role: Role::Scheduler, folder, about, tools }
}

const fn job(folder: &'static str, tools: Tools, about: &'static str) -> Entry {
    Entry { role: Role::Job, folder, about, tools }
}

const fn store(
    folder: &'static str,
    (config, directory): (&'static str, &'static str),
    text: &'static str,
    command: &'static str,
    about: &'static str,
) -> Entry {
    Entry { role: Role::Store { config, directory, text, command }, folder, about, tools: &[] }
}

/// Every service that is built here.
pub(super) const SERVICES: &[Entry] = &[
    // The core.
    api("rest_api", &[ADAPTER, TYPES], "the public API, which everything else asks"),
    api("auth", &[TIME, EXCEPTIONS], "signs users in and says what they may do"),
    api("payments/payments_server", &[TIME, EXCEPTIONS], "takes payments and keeps the invoices"),
    api("keeper", &[], "keeps the log of events and answers questions about it"),
    api("admin", &[], "the back office of the platform's own staff"),
    api("herald", &[], "turns events into mail"),
    api("slacker", &[], "talks to Slack"),
    api("katara/katara_service", &[], "keeps the schedules of mailed reports"),
    worker("katara/katara_worker", &[], "collects and sends the mailed reports"),
    Entry { role: Role::FrontEnd, folder: "ngui", about: "the web interface, which asks the public API", tools: &[] },
    // The assistant.
    api("chat-agent", &[], "answers questions about costs"),
    api("mongodb-mcp", &[], "lets the assistant read the expenses"),
    api("mariadb-mcp", &[], "lets the assistant read the accounts"),
    api("agentic-chatbot", &[], "the chat window's other end"),
    // Bills, resources and what is found in them.
    worker("diworker", &[ADAPTER, TIME, DATA], "imports the bills of the connected clouds"),
    scheduler("bumischeduler", &[], "says which recommendations are due"),
    worker("bumiworker", &[ADAPTER, TIME], "looks for savings and writes recommendations"),
    api("insider/insider_api", &[ADAPTER, TIME, EXCEPTIONS], "knows the prices of the clouds"),
    scheduler("insider/insider_scheduler", &[TIME], "says which price lists are due"),
    worker("insider/insider_worker", &[TIME], "reads price lists"),
    api("metroculus/metroculus_api", &[ADAPTER, TIME, EXCEPTIONS], "shows how busy machines are"),
    scheduler("metroculus/metroculus_scheduler", &[TIME], "says which metrics are due"),
    worker("metroculus/metroculus_worker", &[ADAPTER, TIME], "reads the metrics of machines"),
    scheduler("trapper/trapper_scheduler", &[TIME], "says which traffic reports are due"),
    worker("trapper/trapper_worker", &[ADAPTER, TIME], "adds up traffic between regions"),
    scheduler("risp/risp_scheduler", &[], "says which commitments are due"),
    worker("risp/risp_worker", &[ADAPTER, TIME], "follows how commitments are used up"),
    scheduler("gemini/gemini_scheduler", &[TIME], "says which buckets are due"),
    worker("gemini/gemini_worker", &[TIME], "looks for duplicates in buckets"),
    scheduler("docker_images/bi_scheduler", &[TIME], "says which exports are due"),
    worker("bi_exporter", &[TIME, EXCEPTIONS], "exports expenses for business intelligence"),
    // What runs by the clock.
    job("docker_images/power_schedule", &[ADAPTER, TIME], "switches machines off for the night"),
    job("docker_images/resource_discovery", &[ADAPTER, TIME], "asks the clouds what is there"),
    job("docker_images/calendar_observer", &[TIME], "keeps the shared calendars up to date"),
    job("docker_images/booking_observer", &[], "hands out booked environments"),
    job("docker_images/resource_observer", &[], "watches resources that are about to expire"),
    job("docker_images/resource_violations", &[], "finds resources that break a rule"),
    job("docker_images/organization_violations", &[], "finds organizations over their limit"),
    job("docker_images/demo_org_cleanup", &[], "removes demo organizations that nobody visits"),
    job("docker_images/failed_imports_dataset_generator", &[TIME], "lists the imports that failed"),
    job("docker_images/users_dataset_generator", &[TIME], "lists users for the newsletter"),
    job("docker_images/monthly_bill_generator", &[], "writes the bill of a month"),
    job("docker_images/layout_cleaner", &[], "removes dashboards without an owner"),
    job("docker_images/cleanelkdb", &[], "removes old logs"),
    job("docker_images/cleaninfluxdb", &[], "removes old metrics"),
    job("docker_images/cleanmongodb", &[], "removes what deleted accounts left behind"),
    worker("docker_images/herald_executor", &[], "hands events over to herald"),
    worker("docker_images/keeper_executor", &[], "hands events over to keeper"),
    worker("docker_images/slacker_executor", &[], "hands events over to slacker"),
    worker("docker_images/webhook_executor", &[], "calls the web hooks of customers"),
    // Metrics and events from outside.
    api("diproxy", &[], "takes metrics from customers' clusters"),
    api("pharos_backend/pharos_receiver", &[], "takes events from customers' clusters"),
    worker("pharos_backend/pharos_worker", &[], "sorts events from customers' clusters"),
    api("docker_images/ohsu", &[], "shows the history of Spark jobs"),
    // Third-party software with a configuration of ours.
    store(
        "docker_images/etcd",
        ("etcd.yml", "/etc/etcd"),
        "name: etcd\ndata-dir: /var/lib/etcd\nauto-compaction-retention: \"1\"\n",
        "etcd --config-file /etc/etcd/etcd.yml",
        "the configuration that all services read",
    ),
    store(
        "docker_images/mariadb",
        ("platform.cnf", "/etc/mysql/conf.d"),
        "[mysqld]\nmax_connections = 500\ncharacter-set-server = utf8mb4\ninnodb_buffer_pool_size = 1G\n",
        "mariadbd",
        "accounts, organizations and budgets",
    ),
    store(
        "docker_images/mongo",
        ("mongod.conf", "/etc/mongo"),
        "storage:\n  wiredTiger:\n    engineConfig:\n      cacheSizeGB: 4\nreplication:\n  replSetName: rs0\n",
        "mongod --config /etc/mongo/mongod.conf",
        "expenses and resources",
    ),
    store(
        "docker_images/rabbitmq",
        ("rabbitmq.conf", "/etc/rabbitmq"),
        "consumer_timeout = 10800000\nvm_memory_high_watermark.relative = 0.6\n",
        "rabbitmq-server",
        "the queues between schedulers and workers",
    ),
    store(
        "docker_images/redis",
        ("redis.conf", "/etc/redis"),
        "maxmemory 512mb\nmaxmemory-policy allkeys-lru\nsave \"\"\n",
        "redis-server /etc/redis/redis.conf",
        "the cache of the public API",
    ),
    store(
        "docker_images/elk",
        ("pipeline.conf", "/etc/logstash/conf.d"),
        "input { beats { port => 5044 } }\noutput { elasticsearch { hosts => [\"localhost:9200\"] } }\n",
        "elk-start",
        "the logs of all services, searchable",
    ),
    store(
        "docker_images/filebeat",
        ("filebeat.yml", "/etc/filebeat"),
        "filebeat.inputs:\n  - type: container\n    paths: [/var/log/containers/*.log]\n\
         output.logstash:\n  hosts: [\"elk:5044\"]\n",
        "filebeat -e -c /etc/filebeat/filebeat.yml",
        "ships logs from the nodes",
    ),
    store(
        "docker_images/influxdb",
        ("influxdb.conf", "/etc/influxdb"),
        "[data]\n  index-version = \"tsi1\"\n[http]\n  log-enabled = false\n",
        "influxd -config /etc/influxdb/influxdb.conf",
        "the platform's own metrics",
    ),
    store(
        "docker_images/grafana",
        ("datasources.yaml", "/etc/grafana/provisioning/datasources"),
        "apiVersion: 1\ndatasources:\n  - name: platform\n    type: influxdb\n    url: http://influxdb:8086\n",
        "grafana-server",
        "dashboards of the platform's own metrics",
    ),
    store(
        "docker_images/grafana_nginx",
        ("grafana.conf", "/etc/nginx/conf.d"),
        "server {\n  listen 80;\n  location / { proxy_pass http://grafana; }\n}\n",
        "nginx -g 'daemon off;'",
        "lets only signed-in staff through to grafana",
    ),
    store(
        "docker_images/error_pages",
        ("503.html", "/usr/share/nginx/html"),
        "<!doctype html>\n<title>Back in a moment</title>\n<p>We are being updated.</p>\n",
        "nginx -g 'daemon off;'",
        "what is shown while nothing else is",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_sixty_five_services_with_a_name_each() {
        assert_eq!(SERVICES.len(), 65);
        assert_eq!(SERVICES.iter().map(Entry::name).collect::<BTreeSet<_>>().len(), 65);
        assert_eq!(SERVICES.iter().map(|entry| entry.folder).collect::<BTreeSet<_>>().len(), 65);
    }

    #[test]
    fn every_list_names_what_is_there() {
        let names: BTreeSet<_> = SERVICES.iter().map(Entry::name).collect();
        assert!(CARRIED.iter().all(|name| !names.contains(name)));
        assert!(MULTI_ARCH.iter().all(|name| names.contains(name) || CARRIED.contains(name)));
        assert!(RUNS_A_COMMAND.iter().chain(&TESTED).all(|name| names.contains(name)));
    }
}
