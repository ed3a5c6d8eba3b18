// Renders /openapi.json. Texts go in as text nodes only: nothing of the description is read as HTML.
const at = (id) => document.getElementById(id);

const element = (name, attributes, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children.filter((child) => child !== undefined));
  return made;
};

const typeOf = (schema) => {
  if (schema.$ref) return schema.$ref.split('/').at(-1);
  if (schema.enum) return schema.enum.join(' | ');
  if (schema.type === 'array') return `${typeOf(schema.items ?? {})}[]`;
  return schema.format ? `${schema.type} (${schema.format})` : (schema.type ?? 'any');
};

const table = (parameters) => {
  if (parameters.length === 0) return undefined;
  const row = ({ name, in: place, required, schema, description }) =>
    element(
      'tr',
      {},
      element('td', {}, element('code', {}, name), required ? ' *' : ''),
      element('td', {}, place),
      element('td', {}, typeOf(schema)),
      element('td', {}, description ?? ''),
    );
  const head = ['parameter', 'in', 'type', ''].map((text) => element('th', {}, text));
  return element('table', {}, element('tr', {}, ...head), ...parameters.map(row));
};

const body = (operation, schemas) => {
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (!type) return undefined;
  const schema = content.schema.$ref ? schemas[typeOf(content.schema)] : content.schema;
  return element(
    'div',
    {},
    element('p', {}, 'Body: ', element('code', {}, type)),
    element('pre', {}, JSON.stringify(schema, null, 2)),
  );
};

const curl = (method, path, operation) => {
  const [type] = Object.keys(operation.requestBody?.content ?? {});
  const data = !type
    ? ''
    : type === 'multipart/form-data'
      ? ' -F file=@plugin.zip'
      : ` -H 'Content-Type: ${type}' -d '{}'`;
  return `curl -X ${method} -H "Authorization: Bearer $KEY"${data} ${location.origin}${path}`;
};

const card = (path, method, operation, schemas) =>
  element(
    'details',
    { className: operation.deprecated ? 'deprecated' : '' },
    element(
      'summary',
      {},
      element('span', { className: 'method' }, method),
      element('code', { className: 'path' }, path),
      ` ${operation.summary}`,
    ),
    operation.description ? element('p', {}, operation.description) : undefined,
    table(operation.parameters),
    body(operation, schemas),
    element('p', {}, `Answers: ${Object.keys(operation.responses).join(', ')}`),
    element('pre', {}, curl(method, path, operation)),
  );

const operationsOf = (description) =>
  Object.entries(description.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

const render = (description) => {
  const wanted = at('find').value.trim().toLowerCase();
  const shown = operationsOf(description).filter(
    ({ path, method, operation }) =>
      (at('older').checked || !operation.deprecated) &&
      `${method} ${path} ${operation.summary}`.toLowerCase().includes(wanted),
  );
  const sections = description.tags.map(({ name }) => [
    name,
    shown.filter(({ operation }) => operation.tags.includes(name)),
  ]);
  const filled = sections.filter(([, operations]) => operations.length > 0);
  at('tags').replaceChildren(...filled.map(([name]) => element('a', { href: `#${name}` }, name)));
  at('operations').replaceChildren(
    ...filled.flatMap(([name, operations]) => [
      element('h2', { id: name }, name),
      ...operations.map(({ path, method, operation }) =>
        card(path, method, operation, description.components.schemas),
      ),
    ]),
  );
};

try {
  const description = await (await fetch('/openapi.json')).json();
  at('about').textContent = description.info.description;
  at('find').addEventListener('input', () => render(description));
  at('older').addEventListener('change', () => render(description));
  render(description);
} catch {
  at('about').textContent = 'The description cannot be read: reload the page.';
}
