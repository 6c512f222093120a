/* Opens the shared object of the LLVM back end, which stands beside the command or where it is installed
 * (the command's run path says where). It stays open: libLLVM cannot be taken out again. */
#include "llvm.h"

#include <dlfcn.h>
#include <string.h>

#define TEXT_OF(name)   #name
#define NAME_TEXT(name) TEXT_OF(name)

const struct llvm_backend *llvm_backend(void)
{
	void *file = dlopen(LLVM_BACKEND_FILE, RTLD_NOW | RTLD_LOCAL);
	const struct llvm_backend *backend = file ? dlsym(file, NAME_TEXT(LLVM_BACKEND_NAME))
						  : NULL;

	return backend && !strcmp(backend->version, SKLC_VERSION) ? backend : NULL;
}
