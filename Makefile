# Everything that is built or generated goes below $(BUILD); see README.md for what to call.
#
#   make                 the command, $(BUILD)/sklc
#   make deps            what building and testing need, installed where apt is
#   make demo            real servers in a namespace of their own, steered by rules
#   make test            the whole suite, with gcc, with clang, and with the sanitizers
#   make soak SECONDS=   definition, decision and programs against each other for as long as one likes; needs root
#   make bench           what it costs, beside other ways to do the same; needs root
#   make golden          write the golden files anew
#   make LLVM=0          without the LLVM back end, as where no llvm-config is; LLVM_CONFIG=llvm-config-19 chooses
#   make WERROR=1        warnings are errors
#   make SANITIZE=address,undefined
#   make V=1             whole command lines

VERSION := 0.1.0

BUILD ?= build
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib/sklc
MANDIR ?= $(PREFIX)/share/man
DESTDIR ?=

CLANG ?= clang
FLEX ?= flex
BISON ?= bison
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
FUZZ_SECONDS ?= 600
SECONDS ?= 3600
SEED ?= $(shell date +%s)
LLVM_CONFIG ?= llvm-config
LLVM ?= $(if $(shell command -v $(LLVM_CONFIG)),1,0)

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)
# gcc takes the sanitizer's own tests for null as formats that are null.
SANITIZER := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer \
	     -Wno-format-truncation -Wno-unknown-warning-option)
FLAGS := -std=gnu11 -D_GNU_SOURCE -DSKLC_VERSION='"$(VERSION)"' -I. -isystem $(BUILD)/grammar \
	 -isystem $(BUILD)/bpf $(SANITIZER) -MD -MP
LIBS := -lbpf -lelf -lz -ljansson -lmd

GRAMMAR := $(patsubst grammar/%.y,$(BUILD)/grammar/%.tab.c,$(wildcard grammar/*.y)) \
	   $(patsubst grammar/%.l,$(BUILD)/grammar/%.lex.c,$(wildcard grammar/*.l))
SKELETONS := $(patsubst runtime/bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard runtime/bpf/*.bpf.c))
# The LLVM back end is a shared object of its own, which finds the rest of the compiler in the command.
BACKEND_SOURCES := $(filter-out compiler/llvm/open_backend.c,$(wildcard compiler/llvm/*.c))
BACKEND_OBJECTS := $(BACKEND_SOURCES:%.c=$(BUILD)/%.o)
BACKEND := $(if $(filter-out 0,$(LLVM)),$(BUILD)/sklc-llvm.so)
# Not as RUNPATH, which is only for the one who calls dlopen: with the sanitizers, that is their library.
OPENS_BACKEND_IN = -rdynamic -Wl,--disable-new-dtags,-rpath,'$(1)'

SOURCES := $(filter-out command/sklc.c $(BACKEND_SOURCES) runtime/bpf/%,$(wildcard command/*.c compiler/*.c compiler/*/*.c runtime/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(GRAMMAR:.c=.o)
# All but the command's main, for the command and for the tests.
ARCHIVE := $(BUILD)/sklc.a

UNIT := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/lib/*.c))
DIFFERENTIAL := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/differential/*.c))
DIFFERENTIAL_SHARED := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %.bpf.c,$(wildcard tests/differential/lib/*.c)))
DIFFERENTIAL_SKELETONS := $(patsubst tests/differential/lib/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard tests/differential/lib/*.bpf.c))
HELPERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/e2e/*.c))
HELPERS_SHARED := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/e2e/lib/*.c))
BENCH := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
PAGES := $(wildcard man/*.[1-8])
FORMATTED := $(wildcard command/*.[ch] compiler/*.[ch] compiler/*/*.[ch] runtime/*.[ch] runtime/*/*.[ch] tests/*/*.[ch] tests/*/lib/*.[ch])

say = $(if $(V),,@printf '  %-7s%s\n' $(1) $(@:$(BUILD)/%=%); )

.PHONY: all deps demo test tests soak bench golden lint format fuzz fuzzers install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/sklc $(BACKEND)

deps:
	@BUILD=$(abspath $(BUILD)) .ci/deps

demo: deps
	@$(MAKE) --no-print-directory all
	@BUILD=$(abspath $(BUILD)) tests/demo

test: deps
	@BUILD=$(abspath $(BUILD)) tests/run

# The programs that tests/run starts, for one compiler.
tests: all $(UNIT) $(DIFFERENTIAL) $(HELPERS)

# SEED= begins at another seed, which says what rules and packets are tried; FILES= ends after so many seeds; JOBS= says
# how many at a time, PACKETS= how many packets each has, VARIANTS= how many variants of each program are asked, if not
# all. What fails is in $(BUILD)/soak.
soak: all $(BUILD)/tests/differential/soak
	@$(BUILD)/tests/differential/soak --seconds $(SECONDS) --seed $(SEED) --folder $(BUILD)/soak \
		$(if $(FILES),--files $(FILES)) $(if $(JOBS),--jobs $(JOBS)) \
		$(if $(PACKETS),--packets $(PACKETS)) $(if $(VARIANTS),--variants $(VARIANTS))

golden: all
	@tests/golden/golden.py --write $(BUILD)/sklc

lint:
	@tests/lint

format:
	clang-format -i $(FORMATTED)

# What it costs, beside what else there is; BENCHFLAGS=--quick for a first look.
bench: all $(BUILD)/tests/bench/bench
	@$(BUILD)/tests/bench/bench --sklc $(BUILD)/sklc --csv $(BUILD)/bench.csv $(BENCHFLAGS)
	@tests/bench/plot $(BUILD)/bench.csv > $(BUILD)/bench.svg

fuzzers: $(FUZZERS)

fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(CLANG) CFLAGS="-O1 -g" \
		SANITIZE=fuzzer-no-link,address,undefined fuzzers
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS:$(BUILD)/%=$(BUILD)/fuzz/%)

install: all
	install -D -m 0755 $(BUILD)/sklc $(DESTDIR)$(SBINDIR)/sklc
	$(if $(BACKEND),install -D -m 0755 $(BACKEND) $(DESTDIR)$(LIBDIR)/$(notdir $(BACKEND)))
	$(foreach page,$(PAGES),install -D -m 0644 $(page) \
		$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page));)

clean:
	rm -rf $(BUILD)

$(BUILD)/sklc: $(BUILD)/command/sklc.o $(ARCHIVE)
	$(call say,LD)$(CC) $(CFLAGS) $(SANITIZER) $(LDFLAGS) $(call OPENS_BACKEND_IN,$$ORIGIN:$(LIBDIR)) -o $@ $^ $(LIBS)

$(BUILD)/sklc-llvm.so: $(BACKEND_OBJECTS)
	$(call say,LD)$(CC) $(CFLAGS) $(SANITIZER) $(LDFLAGS) -shared -o $@ $^ \
		$$($(LLVM_CONFIG) --ldflags --libs bpf passes bitreader bitwriter) -lelf

$(ARCHIVE): $(OBJECTS)
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(BACKEND_OBJECTS): FLAGS += -fPIC $(if $(BACKEND),-isystem $(shell $(LLVM_CONFIG) --includedir))

$(BUILD)/%.o: %.c | $(filter %.tab.c %.lex.c,$(GRAMMAR)) $(SKELETONS)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(FLAGS) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

# The generators' own code converts and shadows as it likes.
$(BUILD)/grammar/%.o: $(BUILD)/grammar/%.c
	$(call say,CC)$(CC) $(FLAGS) $(WARNINGS) -Wno-conversion -Wno-sign-conversion -Wno-shadow -Wno-unused-parameter \
		-Wno-unused-but-set-variable $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/grammar/%.tab.c: grammar/%.y
	@mkdir -p $(@D)
	$(call say,BISON)$(BISON) -Wall -Werror -o $@ --header=$(@:.c=.h) $<

$(BUILD)/grammar/%.lex.c: grammar/%.l
	@mkdir -p $(@D)
	$(call say,FLEX)$(FLEX) -o $@ --header-file=$(@:.c=.h) $<

# The scanner's actions return the parser's tokens.
$(filter %.lex.o,$(GRAMMAR:.c=.o)): | $(filter %.tab.c,$(GRAMMAR))
$(filter %.tab.o,$(GRAMMAR:.c=.o)): | $(filter %.lex.c,$(GRAMMAR))

COMPILE_BPF = $(call say,BPF)$(CLANG) -O2 -g -ffreestanding -Wall -Werror -target bpf -I. \
	      -I/usr/include/$(shell $(CC) -print-multiarch) -MD -MP -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: runtime/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(COMPILE_BPF)

$(BUILD)/bpf/%.bpf.o: tests/differential/lib/%.bpf.c
	@mkdir -p $(@D)
	$(COMPILE_BPF)

$(DIFFERENTIAL_SHARED): | $(DIFFERENTIAL_SKELETONS)

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*) > $@

$(UNIT): $(BUILD)/%: %.c $(UNIT_SHARED) $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(FLAGS) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -MF $@.d -o $@ $< \
		$(UNIT_SHARED) $(ARCHIVE) -lcmocka $(LIBS) $(call OPENS_BACKEND_IN,$$ORIGIN/../..)

$(DIFFERENTIAL): $(BUILD)/%: %.c $(DIFFERENTIAL_SHARED) $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(FLAGS) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -MF $@.d -o $@ $< \
		$(DIFFERENTIAL_SHARED) $(ARCHIVE) $(LIBS) $(call OPENS_BACKEND_IN,$$ORIGIN/../..)

$(BUILD)/tests/bench/bench: $(BENCH) $(ARCHIVE)
	$(call say,LD)$(CC) $(CFLAGS) $(SANITIZER) $(LDFLAGS) $(call OPENS_BACKEND_IN,$$ORIGIN/../..) -o $@ $^ $(LIBS)

$(HELPERS): $(BUILD)/%: %.c $(HELPERS_SHARED) $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(FLAGS) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -MF $@.d -o $@ $< \
		$(HELPERS_SHARED) $(ARCHIVE) $(LIBS)

$(BUILD)/tests/%: tests/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(FLAGS) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -MF $@.d -o $@ $< \
		$(ARCHIVE) $(LIBS)

# With CC=clang and SANITIZE=fuzzer-no-link,...: all of it is instrumented, and the fuzzer has the main.
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(FLAGS) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) \
		-fsanitize=fuzzer -MF $@.d -o $@ $< $(ARCHIVE) $(LIBS)

-include $(OBJECTS:.o=.d) $(BACKEND_OBJECTS:.o=.d) $(BUILD)/command/sklc.d $(UNIT:=.d) $(UNIT_SHARED:.o=.d) $(DIFFERENTIAL:=.d) \
	$(DIFFERENTIAL_SHARED:.o=.d) $(HELPERS:=.d) $(HELPERS_SHARED:.o=.d) $(FUZZERS:=.d) $(BENCH:.o=.d) $(SKELETONS:.skel.h=.bpf.d) \
	$(DIFFERENTIAL_SKELETONS:.skel.h=.bpf.d)
