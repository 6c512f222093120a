"""What each label should serve, as a model: generations, their declarations, and the sockets of the host. It knows
nothing of slots, maps or pins. Time does not pass in it: whoever drives it says when a trial has run out."""
import dataclasses
import typing

REFUSED, USUAL = "refused", "usual"


class Endpoint(typing.NamedTuple):
    """An endpoint that rules declare; ADDRESS is None for any."""
    is_udp: bool
    address: str | None
    port: int

    def takes(self, service):
        return (self.is_udp, self.port) == (service.is_udp, service.port) and self.address in (None, service.address)

    def text(self):
        address = "*" if self.address is None else f"[{self.address}]" if ":" in self.address else self.address
        return f"{'udp' if self.is_udp else 'tcp'} {address}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Service:
    """A socket that listens or receives; those of one place are a SO_REUSEPORT group. IPv6 ones take IPv6 only."""
    is_udp: bool
    is_ipv6: bool
    address: str
    port: int
    number: int

    @property
    def flow_class(self):
        return self.is_udp, self.is_ipv6

    @property
    def place(self):
        return self.is_udp, self.address, self.port


@dataclasses.dataclass(eq=False)
class Generation:
    """RULES: for each label, the endpoints that it declares; none if it is filled by hand."""
    rules: dict
    previous: "Generation | None" = None

    def keys(self):
        return set(self.rules.items())


class Model:
    """The sockets of a host, and the generations of its rules."""

    def __init__(self):
        self.live = set()
        self.found = {}  # UDP sockets that stand behind a declared label, by label and declaration
        self.hand = {}  # sockets registered by hand, by label and flow class
        self.current = self.tried = None
        self.is_over = False  # a trial is over, and no command has settled that yet

    # what happens

    def start(self, service):
        self.live.add(service)

    def stop(self, service):
        self.live.discard(service)
        for found in self.found.values():
            found.discard(service)
        self.hand = {key: other for key, other in self.hand.items() if other != service}

    def apply(self, rules, trial=False):
        """False: refused, since rules are on trial."""
        self.settle()
        if self.tried:
            return False
        if self.current and not trial and list(rules.items()) == list(self.current.rules.items()):
            self.fill(self.current)
            return True
        made = Generation(dict(rules), self.current)
        self.fill(made)
        if trial:
            self.tried = made
        else:
            self.current = made
        self.forget()
        return True

    def confirm(self):
        self.settle()
        if not self.tried:
            return False
        self.current, self.tried = self.tried, None
        self.forget()
        return True

    def expire(self):
        """The time of the trial is over. The kernel goes back by itself; what was kept for the trial is kept until the
        next command settles it."""
        self.tried = None
        self.is_over = True

    def rollback(self, to=None):
        """TO: one of history(); by default the one before."""
        if self.tried:
            self.tried = None
            self.forget()
            return True
        if self.settle() and self.current and not to:
            return True  # once is meant, not twice
        to = to or (self.current and self.current.previous)
        return bool(to) and self.apply(to.rules)

    def settle(self):
        """What each command that changes something does first. Returns whether a trial was over."""
        was_over, self.is_over = self.is_over, False
        if was_over:
            self.forget()
        return was_over

    def history(self):
        """The generations that are kept, from the newest on."""
        generation, found = self.in_force(), []
        while generation:
            found.append(generation)
            generation = generation.previous
        return found

    def sync(self):
        self.settle()
        if not self.in_force():
            return False
        self.fill(self.in_force())
        if self.tried and self.current:
            self.fill(self.current)
        return True

    def register(self, label, service):
        self.settle()
        self.hand[label, service.flow_class] = service

    def unregister(self, label):
        self.settle()
        self.hand = {key: service for key, service in self.hand.items() if key[0] != label}

    def detach(self):
        self.current = self.tried = None
        self.is_over = False
        self.forget()

    # what follows from it

    def fill(self, generation):
        """A search finds the UDP sockets; TCP sockets stand behind their labels from the moment that they listen."""
        for label, endpoints in generation.keys():
            if endpoints:
                self.found[label, endpoints] = {service for service in self.live if service.is_udp
                                                and any(each.takes(service) for each in endpoints)}

    def kept(self):
        """The current, the previous and the tried generation; during a trial also the one before those."""
        before = self.current.previous if self.current else None
        return [each for each in (self.tried, self.current, before) if each]

    def forget(self):
        """Only generations that are kept have slots; those that a command leaves have none any more."""
        keys = set().union(*(each.keys() for each in self.kept()))
        self.found = {key: found for key, found in self.found.items() if key in keys}
        named = {label for label, _ in keys}
        self.hand = {key: service for key, service in self.hand.items() if key[0] in named}

    def in_force(self):
        return self.tried or self.current

    def serving(self, label, is_udp, is_ipv6):
        """The services that may get a packet for the label; or USUAL, if no rule is about it."""
        generation = self.in_force()
        if not generation or label not in generation.rules:
            return USUAL
        endpoints = generation.rules[label]
        if not endpoints:
            registered = self.hand.get((label, (is_udp, is_ipv6)))
            return {registered} if registered else REFUSED
        behind = self.found.get((label, endpoints), set()) if is_udp else self.live
        for endpoint in endpoints:
            fit = {service for service in behind if service.flow_class == (is_udp, is_ipv6) and endpoint.takes(service)}
            if fit:
                places = {service.place for service in fit}
                return {service for service in self.live if service.place in places}
        return REFUSED


def text_of(rules, port_of):
    """The rules as text: PORT_OF gives the port of a label."""
    lines = []
    for label, endpoints in rules.items():
        if endpoints:
            lines += [f"socket {label} {{", *(f"\t{endpoint.text()}" for endpoint in endpoints), "}"]
        lines += [f"tcp dport {port_of(label)} redirect to {label}", f"udp dport {port_of(label)} redirect to {label}"]
    return "\n".join(lines) + "\n"
