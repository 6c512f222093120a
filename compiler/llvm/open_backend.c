/* Opens the shared object of the LLVM back end. It is in the command's folder or where it was installed; the run path
 * of the command has both. Of the files in this folder, only this one is part of the command. The shared object stays
 * open, since libLLVM cannot be unloaded. */
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
