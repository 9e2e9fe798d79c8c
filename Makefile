# A thin layer over meson and ninja: `make help`.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
COUNT ?=
TIME ?= 60
AT_MOST ?= 0

.PHONY: all install check tests faults torture lint bench fuzz asan clean help

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

tests: all
	@ninja -C $(BUILD) --quiet meson-test-prereq

# A failed configuration leaves no directory behind that looks configured.
$(BUILD)/build.ninja:
	@out=$$(meson setup --prefix $(PREFIX) $(BUILD)) || \
		{ echo "$$out"; rm -rf $(BUILD); exit 1; }
	@echo $(PREFIX) >$(BUILD)/prefix

# The prefix is compiled in, so another one means another build; the same one means none.
install: $(BUILD)/build.ninja
	@[ "$$(cat $(BUILD)/prefix)" = "$(PREFIX)" ] || { \
		meson configure $(BUILD) -Dprefix=$(PREFIX) && echo $(PREFIX) >$(BUILD)/prefix; }
	@ninja -C $(BUILD) --quiet
	@DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild --only-changed --quiet
	@echo "installed below $(DESTDIR)$(PREFIX)"

check: tests faults
	@scripts/run-tests

# A build that can be killed before any of its steps (src/base/fault.h).
faults: build-faults/build.ninja
	@ninja -C build-faults --quiet

build-faults/build.ninja:
	@out=$$(meson setup -Dfaults=true -Dtests=false -Dbuildtype=debug build-faults) || \
		{ echo "$$out"; rm -rf build-faults; exit 1; }

# Every scenario, every step, and every call that can fail, AT_MOST of a kind; and storms of
# containers. `make check` has the short form.
torture: tests faults
	@AT_MOST=$(AT_MOST) scripts/run-tests torture-all

lint:
	@scripts/lint

bench: all
	@COUNT=$(COUNT) bench/run

# The unit tests and the fuzz corpus with the address and undefined-behaviour sanitizers.
asan: build-asan/build.ninja
	@ninja -C build-asan --quiet meson-test-prereq
	@scripts/run-tests --build build-asan unit fuzz

build-asan/build.ninja:
	@out=$$(meson setup -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debug \
		build-asan) || { echo "$$out"; rm -rf build-asan; exit 1; }

# Explores with libFuzzer, TIME seconds a target; `make check` replays the corpus.
fuzz:
	@scripts/fuzz $(TIME)

clean:
	rm -rf $(BUILD) build-asan build-ci build-faults build-fuzz

help:
	@echo 'make            build the programs, into $(BUILD)/src'
	@echo 'make install    install below PREFIX ($(PREFIX)), staged in DESTDIR'
	@echo 'make check      run all tests (./check installs what they need first)'
	@echo 'make asan       run the unit tests with sanitizers'
	@echo 'make torture    kill redock at every step, fail every call, and look what is left: hours;'
	@echo '                AT_MOST=12 takes so many steps and calls of each program: minutes'
	@echo 'make lint       format, layers, sizes, banned functions, shellcheck, warnings'
	@echo 'make bench      measure, COUNT runs of each'
	@echo 'make fuzz       explore the fuzz targets, TIME seconds each'
	@echo 'make clean      remove what was built'
