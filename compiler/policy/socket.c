/* Socket declarations: the endpoints that a label's sockets may have, and their owner. */
#include "ast_to_policy.h"

static struct declared_endpoint to_endpoint(const struct ast_endpoint *ast)
{
	return (struct declared_endpoint){
		.span = ast->span,
		.protocol = ast->protocol,
		.family = ast->endpoint.family,
		.any_address = ast->endpoint.any,
		.any_family = ast->endpoint.any,
		.address = ast->endpoint.address,
		.port = ast->endpoint.port,
		.device = ast->device.text,
		.device_span = ast->device.span,
	};
}

/* The device becomes one of the policy's interfaces, whose numbers the runtime knows. */
static void check_device(struct translation *t, const struct ast_name *device)
{
	const struct ast_value value = {
		.kind = AST_VALUE_STRING, .span = device->span, .text = device->text};

	if (!device->text || !check_interface(t, &value))
		return;
	if (interface_is_wildcard(device->text))
		diag_error(t->diag, device->span,
			   "a socket is bound to one device, not to all that '%s' matches",
			   device->text);
	else
		interface_number(t, *device, false);
}

static void check_owner(struct translation *t, const struct ast_socket *socket)
{
	if (socket->uid.text && !socket->uid.text[0])
		diag_error(t->diag, socket->uid.span, "a user's name or number is missing");
	if (socket->cgroup.text && socket->cgroup.text[0] != '/')
		diag_error(t->diag, socket->cgroup.span,
			   "a cgroup is a path from the root, like '/system.slice/nginx.service'");
}

void to_socket(struct translation *t, const struct ast_socket *socket)
{
	struct policy *policy = t->policy;
	struct socket_declaration *out;
	const struct ast_endpoint *endpoint;
	size_t count = 0;

	check_owner(t, socket);
	out = ARENA_PUSH(t->arena, policy->sockets, policy->socket_count, t->socket_capacity);
	for (endpoint = socket->endpoints; endpoint; endpoint = endpoint->next)
		count++;
	out->label = label_number(t, socket->label.text, socket->label.span);
	out->span = socket->item.span;
	out->endpoints = arena_alloc(t->arena, count, sizeof(*out->endpoints));
	for (endpoint = socket->endpoints; endpoint; endpoint = endpoint->next) {
		out->endpoints[out->endpoint_count++] = to_endpoint(endpoint);
		check_device(t, &endpoint->device);
	}
	out->uid = socket->uid.text;
	out->uid_span = socket->uid.span;
	out->cgroup = socket->cgroup.text;
	out->cgroup_span = socket->cgroup.span;
}
