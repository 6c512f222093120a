"""Rules that are decided in parts: connections land where the rules say, and large rule sets of several fields compile
within bounds of time and memory."""
import ipaddress
import json
import random

import pytest

from conftest import REFUSED, sklc, within

MEMORY = 512 << 20
SECONDS = 20  # of CPU time; a machine without other work takes one


def test_the_first_rule_of_all_parts_decides_and_later_attempts_come_in_order(host, wire):
    first, second, both, port = (host.server(wire) for _ in range(4))
    servers = [first, second, both, port]
    for number in range(6, 10):
        if wire.is_ipv6:
            host.namespace.ip("addr", "add", f"{wire.at(number)}/128", "dev", "lo", "nodad")
    host.apply(f"daddr {wire.at(1)} redirect to first else continue\n"
               f"saddr {wire.at(9)} redirect to second else continue\n"
               f"saddr {wire.at(8)} daddr {wire.at(1)} redirect to both\n"
               f"saddr {wire.at(6)} drop\n"
               f"{wire.protocol} dport 80 redirect to port\n", "--parts", "always", "-q")
    for label, server in (("second", second), ("both", both), ("port", port)):
        host.register(label, server, status=None)

    def reached(destination, source):
        return host.reach(wire, wire.at(destination), 80, servers, (wire.at(source), 0))

    assert reached(1, 9) is second
    assert reached(2, 9) is second
    assert reached(1, 8) is both
    assert reached(2, 8) is port
    assert reached(1, 7) is port
    assert reached(1, 6) == REFUSED
    host.register("first", first)
    for source in (9, 8, 7, 6):
        assert reached(1, source) is first
    assert reached(2, 6) == REFUSED


def pool(chance, count):
    """Prefixes of 16 to 32 bits, many within others."""
    prefixes = [ipaddress.ip_network((chance.getrandbits(32), 16), strict=False) for _ in range(20)]
    while len(prefixes) < count:
        within = chance.choice(prefixes[:count // 2])
        bits = chance.choice((20, 24, 24, 28, 30, 32, 32))
        if bits > within.prefixlen:
            prefixes.append(ipaddress.ip_network((int(within[0]) | chance.getrandbits(32 - within.prefixlen), bits),
                                                 strict=False))
    return prefixes


def rules_of_sources_and_destinations(count):
    """Rules, each as its source, destination, port and verdict; a third of them for any source, a third for any
    destination."""
    chance = random.Random(count)
    sources, destinations = pool(chance, count // 3), pool(chance, count // 2)
    for _ in range(count):
        source = chance.choice(sources) if chance.random() < .67 else None
        destination = chance.choice(destinations) if chance.random() < .67 or not source else None
        port = chance.choice((22, 53, 80, 443, 8080, None))
        yield source, destination, port, chance.choice(("pass", "drop", *(f"redirect to l{n}" for n in range(8))))


def text_of(rule):
    source, destination, port, verdict = rule
    return " ".join(["tcp", *([f"saddr {source}"] if source else []), *([f"daddr {destination}"] if destination else []),
                     *([f"dport {port}"] if port else []), verdict]) + "\n"


def expects_for(rules, count):
    """What the first rule says of packets that many rules match."""
    chance = random.Random(count)
    with_both = [rule for rule in rules if rule[0] and rule[1]]
    for _ in range(count):
        source, destination = (int(chance.choice(list((net[0], net[-1])))) for net in chance.choice(with_both)[:2])
        port = chance.choice((22, 80, 9999))
        verdict = next((rule[3] for rule in rules if (not rule[0] or ipaddress.ip_address(source) in rule[0]) and
                        (not rule[1] or ipaddress.ip_address(destination) in rule[1]) and rule[2] in (port, None)), "pass")
        yield f"expect tcp {ipaddress.ip_address(source)}:4242 -> {ipaddress.ip_address(destination)}:{port} {verdict}\n"


@pytest.mark.parametrize("count", [1000, 10000])
def test_rules_of_two_fields_that_multiply_compile_within_bounds(host, count):
    rules = list(rules_of_sources_and_destinations(count))
    path = host.rules("".join(map(text_of, rules)) + "".join(expects_for(rules, 100)))
    done = sklc("--check", "-q", "-v", path, **within(MEMORY, SECONDS))
    assert done.returncode == 0, done.stderr


def test_check_tells_the_time_that_a_program_takes_to_load(host):
    """It is that of the verifier and the loader, in microseconds."""
    rules = host.rules("".join(map(text_of, rules_of_sources_and_destinations(1000))))
    assert json.loads(host.sklc("check", "--json", rules).stdout)["load_microseconds"] > 0
    said = host.sklc("check", "-v", rules).stdout
    assert "ms of CPU time here" in said and "about 0.0 ms" not in said
