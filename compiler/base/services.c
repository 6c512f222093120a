/* Service names that rules may use for ports. They are built in, so that a rules file means the same on every
 * host. The names are those of IANA's registry and of /etc/services, and common names of software that has
 * no registered port. */
#include "services.h"

#include "lower_bound.h"
#include "nearest.h"

#include <stdint.h>
#include <string.h>

struct service {
	const char *name;
	uint16_t port;
};

/* In the order of strcmp. */
static const struct service services[] = {
	{"afs3-fileserver", 7000},
	{"alertmanager", 9093},
	{"amanda", 10080},
	{"amqp", 5672},
	{"amqps", 5671},
	{"apcupsd", 3551},
	{"auth", 113},
	{"babel", 6696},
	{"bacnet", 47808},
	{"bacula-dir", 9101},
	{"bacula-fd", 9102},
	{"bacula-sd", 9103},
	{"bfd-control", 3784},
	{"bgp", 179},
	{"blackbox-exporter", 9115},
	{"bootpc", 68},
	{"bootps", 67},
	{"cassandra", 9042},
	{"ceph-mon", 3300},
	{"chargen", 19},
	{"clamd", 3310},
	{"coap", 5683},
	{"coaps", 5684},
	{"cockpit", 9090},
	{"collectd", 25826},
	{"consul-dns", 8600},
	{"consul-http", 8500},
	{"couchdb", 5984},
	{"daytime", 13},
	{"dhcp", 67},
	{"dhcpc", 68},
	{"dhcpv6-client", 546},
	{"dhcpv6-server", 547},
	{"dict", 2628},
	{"discard", 9},
	{"distcc", 3632},
	{"dns", 53},
	{"docker", 2375},
	{"docker-s", 2376},
	{"domain", 53},
	{"domain-s", 853},
	{"echo", 7},
	{"elasticsearch", 9200},
	{"epmd", 4369},
	{"etcd-client", 2379},
	{"etcd-server", 2380},
	{"finger", 79},
	{"fluentd", 24224},
	{"ftp", 21},
	{"ftp-data", 20},
	{"ftps", 990},
	{"ftps-data", 989},
	{"gelf", 12201},
	{"geneve", 6081},
	{"git", 9418},
	{"glusterd", 24007},
	{"gopher", 70},
	{"gpsd", 2947},
	{"graphite", 2003},
	{"gre-in-udp", 4754},
	{"gtp-control", 2123},
	{"gtp-user", 2152},
	{"hkp", 11371},
	{"hsrp", 1985},
	{"http", 80},
	{"http-alt", 8080},
	{"https", 443},
	{"iax", 4569},
	{"icap", 1344},
	{"ident", 113},
	{"imap", 143},
	{"imap2", 143},
	{"imaps", 993},
	{"influxdb", 8086},
	{"ipfix", 4739},
	{"ipp", 631},
	{"ipsec-nat-t", 4500},
	{"irc", 6667},
	{"ircs-u", 6697},
	{"isakmp", 500},
	{"iscsi-target", 3260},
	{"kafka", 9092},
	{"kerberos", 88},
	{"kerberos-adm", 749},
	{"kpasswd", 464},
	{"kubelet", 10250},
	{"kubernetes-api", 6443},
	{"l2tp", 1701},
	{"ldap", 389},
	{"ldaps", 636},
	{"ldp", 646},
	{"lisp-control", 4342},
	{"lisp-data", 4341},
	{"llmnr", 5355},
	{"lmtp", 24},
	{"mdns", 5353},
	{"memcached", 11211},
	{"microsoft-ds", 445},
	{"modbus", 502},
	{"mongodb", 27017},
	{"mountd", 20048},
	{"mqtt", 1883},
	{"mqtts", 8883},
	{"ms-sql-m", 1434},
	{"ms-sql-s", 1433},
	{"ms-wbt-server", 3389},
	{"munin", 4949},
	{"murmur", 64738},
	{"mysql", 3306},
	{"nats", 4222},
	{"nbd", 10809},
	{"netbios-dgm", 138},
	{"netbios-ns", 137},
	{"netbios-ssn", 139},
	{"netconf-ssh", 830},
	{"netflow", 2055},
	{"nfs", 2049},
	{"nntp", 119},
	{"nntps", 563},
	{"node-exporter", 9100},
	{"nrpe", 5666},
	{"ntp", 123},
	{"nts-ke", 4460},
	{"nut", 3493},
	{"openflow", 6653},
	{"openvpn", 1194},
	{"otlp", 4317},
	{"otlp-http", 4318},
	{"ovsdb", 6640},
	{"pop3", 110},
	{"pop3s", 995},
	{"portmapper", 111},
	{"postgresql", 5432},
	{"pptp", 1723},
	{"printer", 515},
	{"prometheus", 9090},
	{"ptp-event", 319},
	{"ptp-general", 320},
	{"puppet", 8140},
	{"pushgateway", 9091},
	{"qotd", 17},
	{"radius", 1812},
	{"radius-acct", 1813},
	{"radsec", 2083},
	{"redis", 6379},
	{"rfb", 5900},
	{"rip", 520},
	{"ripng", 521},
	{"rpki-rtr", 323},
	{"rpki-rtr-tls", 324},
	{"rsync", 873},
	{"rtmp", 1935},
	{"rtsp", 554},
	{"secure-mqtt", 8883},
	{"sflow", 6343},
	{"sieve", 4190},
	{"sip", 5060},
	{"sip-tls", 5061},
	{"sips", 5061},
	{"smtp", 25},
	{"smtps", 465},
	{"snmp", 161},
	{"snmp-trap", 162},
	{"snmptrap", 162},
	{"socks", 1080},
	{"squid", 3128},
	{"ssdp", 1900},
	{"ssh", 22},
	{"statsd", 8125},
	{"stun", 3478},
	{"stuns", 5349},
	{"submission", 587},
	{"submissions", 465},
	{"sunrpc", 111},
	{"svn", 3690},
	{"syslog", 514},
	{"syslog-tls", 6514},
	{"tacacs", 49},
	{"telnet", 23},
	{"telnets", 992},
	{"teredo", 3544},
	{"tftp", 69},
	{"time", 37},
	{"tinc", 655},
	{"turn", 3478},
	{"turns", 5349},
	{"vault", 8200},
	{"vxlan", 4789},
	{"whois", 43},
	{"wireguard", 51820},
	{"www", 80},
	{"x11", 6000},
	{"xdmcp", 177},
	{"xmpp-bosh", 5280},
	{"xmpp-client", 5222},
	{"xmpp-server", 5269},
	{"zabbix-agent", 10050},
	{"zabbix-trapper", 10051},
	{"zookeeper", 2181},
};

enum { SERVICE_COUNT = sizeof(services) / sizeof(services[0]) };

const char *service_nth(size_t n)
{
	return n < SERVICE_COUNT ? services[n].name : NULL;
}

/* Compares as strcmp does; NAME need not end in NUL. */
static int compare_name(const char *name, size_t length, const char *service)
{
	int order = strncmp(name, service, length);

	return order || !service[length] ? order : -1;
}

int service_port(const char *name, size_t length)
{
	size_t n = LOWER_BOUND(i, 0, (size_t)SERVICE_COUNT,
			       compare_name(name, length, services[i].name) <= 0);

	if (n == SERVICE_COUNT || compare_name(name, length, services[n].name))
		return -1;
	return services[n].port;
}

const char *service_nearest(const char *word, size_t length)
{
	const char *words[SERVICE_COUNT];
	size_t i;

	for (i = 0; i < SERVICE_COUNT; i++)
		words[i] = services[i].name;
	return nearest_word(word, length, words, SERVICE_COUNT);
}
