// The package manager links every program with the Swift library, whose mappings a fork would copy. The linker leaves out a
// library that nothing needs, if told so ahead of it: the compiler takes options for the linker from this section. And what it
// adds to a program of Swift's, its list of metadata, needs two functions of the library; here nobody calls them.
#include <stdbool.h>

// A sanitizer would guard the text, and its guards would be left in the program without the section.
#if !__has_feature(address_sanitizer)
__attribute__((used, section(".swift1_autolink_entries"))) static const char options[] = "-Wl,--as-needed";
#endif

void swift_addNewDSOImage(const void *image);
void swift_addNewDSOImage(const void *image) { (void)image; }

bool _swift_backtrace_isThunkFunction(const char *name);
bool _swift_backtrace_isThunkFunction(const char *name) {
  (void)name;
  return false;
}
