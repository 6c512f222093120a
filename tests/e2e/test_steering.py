"""Connections and datagrams land where the rules say."""
import socket

import pytest

from conftest import REFUSED, WIRES, Wire


def one_label(host, wire, rules, server=None):
    """Applies rules that name the label `web`, and puts a server behind it."""
    server = server or host.server(wire)
    host.apply(rules)
    host.register("web", server)
    return server


def test_one_socket_serves_a_whole_prefix(host, wire):
    web = one_label(host, wire, f"{wire.protocol} daddr {wire.prefix} dport 80 redirect to web\n")
    for address in (wire.at(1), wire.at(7), wire.at(77), wire.far(1), wire.far(100)):
        assert host.reach(wire, address, 80, [web]) is web
    assert host.reach(wire, wire.at(1), 81, [web]) == REFUSED
    assert host.reach(wire, wire.other(1), 80, [web]) == REFUSED


def test_nftables_own_spelling_means_the_same(host, wire):
    family = "ip6" if wire.is_ipv6 else "ip"
    web = one_label(host, wire, f"{family} daddr {wire.prefix} {wire.protocol} dport 80 "
                                "redirect to web\n")
    assert host.reach(wire, wire.at(7), 80, [web]) is web
    assert host.reach(wire, wire.at(7), 81, [web]) == REFUSED


def test_one_socket_serves_every_port_of_an_address(host, wire):
    web = one_label(host, wire, f"{wire.protocol} daddr {wire.at(7)} redirect to web\n")
    for port in (1, 80, 443, 8080, 32768, 65535):
        assert host.reach(wire, wire.at(7), port, [web]) is web
    assert host.reach(wire, wire.at(8), 80, [web]) == REFUSED


def test_two_services_share_port_53_on_two_prefixes(host, wire):
    recursive, authoritative = host.server(wire), host.server(wire)
    host.apply(f"daddr {wire.prefix} dport 53 redirect to recursive\n"
               f"daddr {wire.other_prefix} dport 53 redirect to authoritative\n")
    host.register("recursive", recursive)
    host.register("authoritative", authoritative)
    both = [recursive, authoritative]
    assert host.reach(wire, wire.at(1), 53, both) is recursive
    assert host.reach(wire, wire.other(1), 53, both) is authoritative


@pytest.mark.parametrize("specific_first", [True, False], ids=["before", "after"])
def test_the_first_match_wins_wherever_the_wider_rule_stands(host, wire, specific_first):
    rules = [f"daddr {wire.half} dport 80 redirect to narrow\n",
             f"daddr {wire.prefix} dport 80 redirect to wide\n"]
    narrow, wide = host.server(wire), host.server(wire)
    host.apply("".join(rules if specific_first else reversed(rules)))
    host.register("narrow", narrow, status=0)
    host.register("wide", wide)
    assert host.reach(wire, wire.at(1), 80, [narrow, wide]) is (narrow if specific_first else wide)
    assert host.reach(wire, wire.far(1), 80, [narrow, wide]) is wide


def test_drop_refuses_at_once_although_somebody_listens(host, wire):
    there = host.server(wire, wire.any, 80)
    assert host.reach(wire, wire.at(1), 80, [there]) is there
    host.apply(f"{wire.protocol} daddr {wire.half} dport 80 drop\n")
    assert host.reach(wire, wire.at(1), 80, [there]) == REFUSED
    assert host.reach(wire, wire.far(1), 80, [there]) is there


def test_what_no_rule_matches_goes_to_the_usual_socket(host, wire):
    there = host.server(wire, wire.any, 80)
    web = one_label(host, wire, f"{wire.protocol} daddr {wire.half} dport 80 redirect to web\n")
    assert host.reach(wire, wire.at(1), 80, [there, web]) is web
    assert host.reach(wire, wire.far(1), 80, [there, web]) is there
    assert host.reach(wire, wire.loopback, 80, [there, web]) is there


def test_policy_drop_refuses_what_no_rule_matches(host, wire):
    there = host.server(wire, wire.any, 80)
    host.apply(f"policy drop\n{wire.protocol} daddr {wire.half} dport 80 pass\n")
    assert host.reach(wire, wire.at(1), 80, [there]) is there
    assert host.reach(wire, wire.far(1), 80, [there]) == REFUSED


def test_pass_takes_an_address_out_of_a_wider_rule(host, wire):
    there = host.server(wire, wire.any, 80)
    web = one_label(host, wire, f"daddr {wire.at(9)} pass\ndaddr {wire.prefix} redirect to web\n")
    assert host.reach(wire, wire.at(9), 80, [there, web]) is there
    assert host.reach(wire, wire.at(8), 80, [there, web]) is web


def test_a_rule_wins_over_an_exactly_bound_socket(host, wire):
    there = host.server(wire, wire.at(7), 80)
    web = one_label(host, wire, f"daddr {wire.at(7)} dport 80 redirect to web\n")
    assert host.reach(wire, wire.at(7), 80, [there, web]) is web


def test_a_label_without_a_socket_refuses(host, wire):
    there = host.server(wire, wire.any, 80)
    host.apply(f"daddr {wire.prefix} dport 80 redirect to web\n")
    assert host.reach(wire, wire.at(1), 80, [there]) == REFUSED


def test_a_label_whose_socket_closed_refuses(host, wire):
    there = host.server(wire, wire.any, 80)
    web = one_label(host, wire, f"daddr {wire.prefix} dport 80 redirect to web\n")
    assert host.reach(wire, wire.at(1), 80, [there, web]) is web
    web.close()
    assert host.reach(wire, wire.at(1), 80, [there]) == REFUSED


def test_a_label_without_a_socket_and_else_pass_falls_through(host, wire):
    there = host.server(wire, wire.any, 80)
    host.apply(f"daddr {wire.prefix} dport 80 redirect to web else pass\n")
    assert host.reach(wire, wire.at(1), 80, [there]) is there
    web = host.server(wire)
    host.register("web", web)
    assert host.reach(wire, wire.at(1), 80, [there, web]) is web


def test_a_label_without_a_socket_and_else_continue_tries_the_next_rule(host, wire):
    there = host.server(wire, wire.any, 80)
    first, second = host.server(wire), host.server(wire)
    host.apply(f"daddr {wire.half} dport 80 redirect to first else continue\n"
               f"daddr {wire.prefix} dport 80 redirect to second\n")
    assert host.reach(wire, wire.at(1), 80, [there]) == REFUSED
    host.register("second", second)
    assert host.reach(wire, wire.at(1), 80, [there, first, second]) is second
    host.register("first", first)
    assert host.reach(wire, wire.at(1), 80, [there, first, second]) is first
    assert host.reach(wire, wire.far(1), 80, [there, first, second]) is second


def test_else_continue_past_the_last_rule_is_the_policy(host, wire):
    there = host.server(wire, wire.any, 80)
    host.apply(f"daddr {wire.prefix} dport 80 redirect to web else continue\n")
    assert host.reach(wire, wire.at(1), 80, [there]) is there


def reach_often(host, wire, servers):
    return {host.reach(wire, wire.at(1 + n % 100), 80, servers) for n in range(64)}


def test_a_reuseport_group_spreads(host, wire):
    group = [host.server(wire, reuseport=True)]
    port = group[0].getsockname()[1]
    group += [host.server(wire, port=port, reuseport=True) for _ in range(3)]
    one_label(host, wire, f"daddr {wire.prefix} dport 80 redirect to web\n", group[0])
    assert len(reach_often(host, wire, group)) > 1


def test_no_reuseport_takes_exactly_the_registered_socket(host, wire):
    group = [host.server(wire, reuseport=True)]
    port = group[0].getsockname()[1]
    group += [host.server(wire, port=port, reuseport=True) for _ in range(3)]
    one_label(host, wire, f"daddr {wire.prefix} dport 80 redirect to web no-reuseport\n", group[2])
    assert reach_often(host, wire, group) == {group[2]}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_all_of_ipv6_leaves_ipv4_alone(host, protocol):
    four, six = Wire(protocol, "ipv4"), Wire(protocol, "ipv6")
    usual4, usual6 = host.server(four, four.any, 80), host.server(six, six.any, 80)
    web = one_label(host, six, "daddr ::/0 dport 80 redirect to web\n")
    every = [usual4, usual6, web]
    assert host.reach(six, six.at(1), 80, every) is web
    assert host.reach(four, four.at(1), 80, every) is usual4
    host.apply("daddr ::/0 drop\n")
    assert host.reach(six, six.at(1), 80, every) == REFUSED
    assert host.reach(four, four.at(1), 80, every) is usual4


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_dual_stack_socket_fills_both_families(host, protocol):
    four, six = Wire(protocol, "ipv4"), Wire(protocol, "ipv6")
    web = host.server(six, "::", 0, v6only=False)
    host.apply("dport 80 redirect to web\n")
    host.register("web", web)
    for each in (four, six):
        assert host.reach(each, each.at(1), 80, [web]) is web


def test_tcp_and_udp_of_one_label_are_two_sockets(host):
    tcp, udp = WIRES["tcp-ipv4"], WIRES["udp-ipv4"]
    stream, datagram = host.server(tcp), host.server(udp)
    host.apply("daddr 192.0.2.0/24 dport 53 redirect to dns\n")
    host.register("dns", stream)
    assert host.reach(udp, udp.at(1), 53, [stream, datagram]) == REFUSED
    host.register("dns", datagram)
    assert host.reach(udp, udp.at(1), 53, [stream, datagram]) is datagram
    assert host.reach(tcp, tcp.at(1), 53, [stream, datagram]) is stream


def test_rules_for_one_protocol_leave_the_other_alone(host, wire):
    other = WIRES[f"{'tcp' if wire.is_udp else 'udp'}-{wire.family}"]
    there = host.server(other, other.any, 80)
    host.apply(f"{wire.protocol} dport 80 drop\n")
    assert host.reach(other, other.at(1), 80, [there]) is there


def test_the_source_decides_too(host, wire):
    there = host.server(wire, wire.any, 80)
    mask = 128 if wire.is_ipv6 else 32
    for number in (3, 4):
        host.namespace.ip("addr", "add", f"{wire.at(number)}/{mask}", "dev", "lo",
                          *(["nodad"] if wire.is_ipv6 else []))
    web = one_label(host, wire, f"saddr {wire.at(3)} sport 4000-4999 dport 80 redirect to web\n")
    both = [there, web]
    assert host.reach(wire, wire.at(9), 80, both, source=(wire.at(3), 4000)) is web
    assert host.reach(wire, wire.at(9), 80, both, source=(wire.at(3), 4999)) is web
    assert host.reach(wire, wire.at(9), 80, both, source=(wire.at(3), 5000)) is there
    assert host.reach(wire, wire.at(9), 80, both, source=(wire.at(4), 4500)) is there


def test_port_ranges_and_lists_hold_at_their_edges(host, wire):
    web = one_label(host, wire, f"daddr {wire.prefix} dport {{ 80, 443, 8000-8010 }} redirect to web\n")
    for port in (80, 443, 8000, 8005, 8010):
        assert host.reach(wire, wire.at(1), port, [web]) is web
    for port in (79, 81, 442, 444, 7999, 8011):
        assert host.reach(wire, wire.at(1), port, [web]) == REFUSED


def test_several_fields_of_a_packet_are_matched_together(host, wire):
    port = f"{wire.protocol} . 80"
    web = one_label(host, wire, f"set pairs {{ type addr . l4proto . port; flags interval; elements = {{\n"
                                f"{wire.at(1)} . {port}, {wire.at(7)} . {port}-90 }} }}\n"
                                "daddr . l4proto . dport @pairs redirect to web\n")
    for address, port in ((wire.at(1), 80), (wire.at(7), 80), (wire.at(7), 90)):
        assert host.reach(wire, address, port, [web]) is web
    for address, port in ((wire.at(1), 90), (wire.at(7), 91), (wire.at(8), 80)):
        assert host.reach(wire, address, port, [web]) == REFUSED
    host.apply(f"daddr . dport != {{ {wire.at(1)} . 80, {wire.at(7)} . 81 }} redirect to web\n")
    assert host.reach(wire, wire.at(7), 80, [web]) is web
    assert host.reach(wire, wire.at(1), 80, [web]) == REFUSED


def connected_pair(host, wire):
    """A connection: the client's socket and the server's."""
    if wire.is_udp:
        a, b = host.server(wire), host.server(wire)
        a.connect(b.getsockname())
        b.connect(a.getsockname())
        return a, b
    listener, client = host.server(wire), host.socket(wire.af, wire.type)
    client.connect(listener.getsockname())
    accepted = listener.accept()[0]
    host.sockets.append(accepted)
    return client, accepted


def talk(a, b):
    for one, other in ((a, b), (b, a)):
        one.settimeout(5)
        other.settimeout(5)
        one.send(b"still here")
        assert other.recv(64) == b"still here"


def test_established_connections_live_on_through_apply_and_detach(host, wire):
    a, b = connected_pair(host, wire)
    talk(a, b)
    host.apply("policy drop\n")
    assert host.reach(wire, wire.loopback, a.getsockname()[1], [a, b]) == REFUSED
    talk(a, b)
    host.apply(f"{wire.protocol} redirect to web\n")
    talk(a, b)
    host.sklc("detach")
    talk(a, b)


def test_a_redirected_connection_outlives_its_rules(host):
    wire = WIRES["tcp-ipv4"]
    web = one_label(host, wire, "tcp daddr 192.0.2.0/24 dport 80 redirect to web\n")
    client = host.socket(wire.af, wire.type)
    client.connect(("192.0.2.7", 80))
    accepted = web.accept()[0]
    assert accepted.getsockname() == ("192.0.2.7", 80)
    host.sklc("detach")
    talk(client, accepted)
    accepted.close()


def test_a_second_namespace_is_untouched(make_host, wire):
    ruled, free = make_host(), make_host()
    there = free.server(wire, wire.any, 80)
    web = one_label(ruled, wire, f"daddr {wire.prefix} dport 80 redirect to web\n")
    assert ruled.reach(wire, wire.at(1), 80, [web]) is web
    assert free.reach(wire, wire.at(1), 80, [there, web]) is there
    free.apply("policy drop\n")
    assert free.reach(wire, wire.at(1), 80, [there, web]) == REFUSED
    assert ruled.reach(wire, wire.at(1), 80, [web]) is web


def test_redirect_keeps_the_address_that_the_client_asked_for(host):
    wire = WIRES["tcp-ipv6"]
    web = one_label(host, wire, "tcp daddr 2001:db8:0:1::/64 dport 80 redirect to web\n")
    with host.namespace.socket(wire.af, wire.type) as client:
        client.connect(("2001:db8:0:1::7", 80))
        accepted = web.accept()[0]
        assert accepted.getsockname()[:2] == ("2001:db8:0:1::7", 80)
        accepted.close()


def test_a_socket_that_is_shut_down_counts_as_none(host):
    wire = WIRES["tcp-ipv4"]
    there = host.server(wire, wire.any, 80)
    web = one_label(host, wire, "tcp daddr 192.0.2.0/24 dport 80 redirect to web else pass\n")
    web.shutdown(socket.SHUT_RDWR)
    assert host.reach(wire, wire.at(1), 80, [there]) is there
