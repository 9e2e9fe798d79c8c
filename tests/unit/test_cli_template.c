/* --format: templates over JSON, and their errors. */
#include "base/json.h"
#include "base/mem.h"
#include "cli/template.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char data_text[] =
	"{\"Name\":\"/web\",\"Id\":\"abcdef\",\"N\":3,\"F\":1.5,\"Yes\":true,\"No\":false,"
	"\"Null\":null,\"Empty\":[],\"Words\":[\"b\",\"a\",\"c\"],\"Esc\":\"a\\u001bb\\nc\","
	"\"State\":{\"Status\":\"running\",\"Pid\":42},"
	"\"Labels\":{\"b\":\"2\",\"a.b\":\"1\"},"
	"\"Mounts\":[{\"Type\":\"bind\",\"Dst\":\"/x\"},{\"Type\":\"volume\",\"Dst\":\"/y\"}],"
	"\"Ports\":{\"80/tcp\":[{\"HostPort\":\"8080\"}],\"90/udp\":null}}";

static const struct {
	const char *template, *expected; /* NULL: an error */
	const char *error, *hint;
} cases[] = {
	{ "", "" },
	{ "plain } text {", "plain } text {" },
	{ "{{.Name}}", "/web" },
	{ "{{ .Name }}:{{.N}}", "/web:3" },
	{ "{{.State.Status}} {{.State.Pid}}", "running 42" },
	{ "{{.F}} {{.Yes}} {{.No}}", "1.5 true false" },
	{ "{{.Words}} {{.Empty}} {{.Null}}", "[b a c] [] []" },
	{ "{{.Labels}}", "map[a.b:1 b:2]" },
	{ "{{json .State}}", "{\"Status\":\"running\",\"Pid\":42}" },
	{ "{{json .Name}} {{json .Null}} {{json .Nothing}}", "\"/web\" null null" },
	{ "{{.Name | json}}", "\"/web\"" },
	{ "{{.Name | printf \"%q\"}}", "\"/web\"" },
	{ "{{printf \"%s-%d-%v\" .Id .N .F}}", "abcdef-3-1.5" },
	{ "{{printf \"%5d|%-8s|%05.1f|%x|%%\" .N .Id .F .N}}", "    3|abcdef  |001.5|3|%" },
	{ "{{println .Id .N}}", "abcdef 3\n" },
	{ "{{print .N .N}}{{print .Id .Id}}", "3 3abcdefabcdef" },
	{ "{{upper .Id}} {{lower \"ABC\"}} {{title \"some words\"}}", "ABCDEF abc Some Words" },
	{ "{{join .Words \", \"}}", "b, a, c" },
	{ "{{split \"a,b\" \",\" | json}}", "[\"a\",\"b\"]" },
	{ "{{index .Words 1}} {{index .Labels \"a.b\"}}", "a 1" },
	{ "{{index .Labels \"none\"}}|", "|" },
	{ "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
	{ "{{len .Words}} {{len .Labels}} {{len .Id}} {{len .Null}}", "3 2 6 0" },
	{ "{{slice .Id 1 3}} {{slice .Words 1}}", "bc [a c]" },
	{ "{{truncate .Id 2}}|{{pad .Id 1 2}}|", "ab| abcdef  |" },
	{ "{{if .Yes}}y{{else}}n{{end}}{{if .No}}y{{else}}n{{end}}", "yn" },
	{ "{{if .No}}a{{else if eq .N 3}}b{{else}}c{{end}}", "b" },
	{ "{{if .State.Health}}h{{else}}none{{end}}", "none" },
	{ "{{if and .Yes (not .No)}}1{{end}}{{if or .No .Null .N}}2{{end}}", "12" },
	{ "{{eq .Name \"/web\"}} {{ne .N 3}} {{lt .N 4}} {{ge .F 1.5}} {{eq .N 1 2 3}}",
		"true false true true true" },
	{ "{{range .Words}}{{.}};{{end}}", "b;a;c;" },
	{ "{{range $i, $w := .Words}}{{$i}}={{$w}} {{end}}", "0=b 1=a 2=c " },
	{ "{{range $w := .Words}}{{$w}}{{$.N}}{{end}}", "b3a3c3" },
	{ "{{range $k, $v := .Labels}}{{$k}}:{{$v}},{{end}}", "a.b:1,b:2," },
	{ "{{range .Empty}}x{{else}}nothing{{end}}", "nothing" },
	{ "{{range .Nothing}}x{{else}}nothing{{end}}", "nothing" },
	{ "{{range .Words}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{end}}", "bc" },
	{ "{{range .Words}}{{if eq . \"a\"}}{{break}}{{end}}{{.}}{{end}}", "b" },
	{ "{{range .Mounts}}{{.Type}}:{{.Dst}} {{end}}", "bind:/x volume:/y " },
	{ "{{range $p, $b := .Ports}}{{$p}}{{range $b}}->{{.HostPort}}{{end}} {{end}}",
		"80/tcp->8080 90/udp " },
	{ "{{with .State}}{{.Pid}}{{end}}{{with .Null}}x{{else}}-{{end}}", "42-" },
	{ "{{with $s := .State}}{{$s.Pid}}{{$.N}}{{end}}", "423" },
	{ "{{$x := .N}}{{$x}}{{if .Yes}}{{$x = 5}}{{end}}{{$x}}", "35" },
	{ "a {{- .N -}} b", "a3b" },
	{ "a{{/* a comment */}}b {{- /* one more */ -}} c", "abc" },
	{ "{{`raw \"text\"`}}{{\"tab\\t\"}}{{1.5}}{{-3}}{{true}}", "raw \"text\"tab\t1.5-3true" },
	{ "{{.Labels.none}}", "<no value>" },
	{ "{{.Label \"key\"}}-{{.Label \"none\"}}", "value-" },
	{ "{{.}}x", NULL, NULL, NULL }, /* only that it ends: a map of everything */
	/* errors */
	{ "{{.Nmae}}", NULL, "the format, column 3: there is no field 'Nmae'", "{{.Name}}" },
	{ "{{.Name.X}}", NULL, "what is before it has no field 'X'", "" },
	{ "{{.State.Pud}}", NULL, "there is no field 'Pud'", "{{json .}}" },
	{ "ab{{", NULL, "the format, column 5: '}}' is missing", "" },
	{ "{{.Name", NULL, "'}}' is missing", "" },
	{ "{{}}", NULL, "a value is missing", "" },
	{ "{{if}}x{{end}}", NULL, "a value is missing", "" },
	{ "{{if .Yes}}x", NULL, "{{end}} is missing", "" },
	{ "{{end}}", NULL, "{{end}} without a beginning", "" },
	{ "{{else}}", NULL, "{{else}} without a beginning", "" },
	{ "{{if .Yes}}{{else}}{{else}}{{end}}", NULL, "a second {{else}}", "" },
	{ "{{jsno .}}", NULL, "there is no function 'jsno'", "{{json ...}}" },
	{ "{{json}}", NULL, "a wrong number of arguments for 'json'", "" },
	{ "{{json . .}}", NULL, "a wrong number of arguments for 'json'", "" },
	{ "{{\"abc}}", NULL, "a string is not closed", "" },
	{ "{{\"a\\z\"}}", NULL, "unknown escape", "" },
	{ "{{(.N}}", NULL, "')' is missing", "" },
	{ "{{.N.}}", NULL, "a field's name is missing", "" },
	{ "{{$x}}", NULL, "there is no variable 'x'", "" },
	{ "{{$x = 1}}", NULL, "there is no variable 'x'", "" },
	{ "{{break}}", NULL, "this belongs inside {{range}}", "" },
	{ "{{range .N}}{{.}}{{end}}{{range .Name}}x{{end}}", NULL, "this is no list", "" },
	{ "{{index .Words 9}}", NULL, "'index': there is no element 9", "" },
	{ "{{index .N 1}}", NULL, "it is for lists and maps", "" },
	{ "{{eq .N .Name}}", NULL, "two kinds of values cannot be compared", "" },
	{ "{{printf \"%d\" .Name}}", NULL, "%d is not for '/web'", "" },
	{ "{{printf \"%d\"}}", NULL, "more % than values", "" },
	{ "{{printf \"%9999d\" .N}}", NULL, "too wide", "" },
	{ "{{.Name 1}}", NULL, "this takes no arguments: 'Name'", "" },
	{ "{{/* open", NULL, "a comment is not closed", "" },
	{ "{{`a`b}}", NULL, "a blank is missing", "" },
};

static int run(const char *text, bool escape, struct str *out, struct err *e)
{
	auto_json *data = json_loads(data_text, 0, NULL), *labels = json_object();
	auto_template *t = NULL;
	struct template_data d = { .dot = data, .labels = labels, .escape = escape };
	int r = template_parse(text, &t, e);

	json_object_set_new(labels, "key", json_string("value"));
	return r < 0 ? r : template_run(t, &d, out, e);
}

static void templates(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_str out = STR_INIT(1 << 20);
		struct err e = { 0 };
		int r = run(cases[i].template, false, &out, &e);

		if (cases[i].expected) {
			if (r < 0)
				fail_msg("%s: %s", cases[i].template, e.text);
			assert_string_equal(str_text(&out), cases[i].expected);
		} else if (cases[i].error) {
			if (r >= 0 || !strstr(e.text, cases[i].error) ||
				!strstr(e.hint, cases[i].hint))
				fail_msg("%s says '%s', '%s'", cases[i].template, e.text, e.hint);
		}
	}
}

/* On a terminal, a value cannot steer it; lines of the template's own stay. */
static void terminals(void **state)
{
	auto_str out = STR_INIT(1 << 20);
	struct err e = { 0 };

	assert_int_equal(run("{{.Esc}}\n", true, &out, &e), 0);
	assert_string_equal(str_text(&out), "a\\x1bb\nc\n");
}

/* What is too deep, too long or takes too many steps ends with an error. */
static void bounds(void **state)
{
	auto_str deep = STR_INIT(1 << 20), out = STR_INIT(1 << 20), small = STR_INIT(10),
		 wide = STR_INIT(1 << 20);
	struct err e = { 0 };

	for (int i = 0; i < 1000; i++)
		str_add(&deep, "{{if .Yes}}");
	assert_true(run(str_text(&deep), false, &out, &e) < 0);
	assert_non_null(strstr(e.text, "nested too deeply"));
	str_truncate(&deep, 0);
	for (int i = 0; i < 1000; i++)
		str_add(&deep, i ? "(" : "{{(");
	assert_true(run(str_text(&deep), false, &out, &e) < 0);
	for (int i = 0; i < 20000; i++)
		str_add(&wide, "{{.N}}");
	assert_int_equal(run(str_text(&wide), false, &out, &e), -E2BIG);
	assert_int_equal(run("{{range 2000000000}}{{end}}", false, &out, &e), -E2BIG);
	assert_int_equal(run("{{.Words}}{{.Words}}", false, &small, &e), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates),
		cmocka_unit_test(terminals),
		cmocka_unit_test(bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
