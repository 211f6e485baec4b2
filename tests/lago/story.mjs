// The story of story.json with Lago's own JavaScript client, against a running stack.
//
// Environment: LAGO_PACKAGE (the client's folder), API_URL, API_KEY, SERVICE. It ends
// with status 0 when every assertion held.

import assert from "node:assert/strict";
import { createHmac, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const { LAGO_PACKAGE, API_URL, API_KEY, SERVICE } = process.env;
const { Client, getLagoError } = await import(
  pathToFileURL(`${LAGO_PACKAGE}/esm/mod.js`).href
);
const story = JSON.parse(readFileSync(new URL("story.json", import.meta.url), "utf8"));
const lago = Client(API_KEY, { baseUrl: `${API_URL}/api/v1` });
const PATIENCE_MS = 90_000;
const startedAt = Math.floor(Date.now() / 1000) - 3600;

const webhooks = [];
const receiver = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    webhooks.push({ headers: request.headers, body: Buffer.concat(parts) });
    response.end();
  });
});
await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
const hooks = `http://127.0.0.1:${receiver.address().port}`;

try {
  const hmacSecret = await createEndpoints();
  await setUpCatalog();
  await subscribe();
  await sendEvents();
  await readUsage();
  await verifyWebhooks(hmacSecret);
  await meetRefusals();
  await terminate();
} finally {
  receiver.close();
  receiver.closeAllConnections();
}

async function createEndpoints() {
  const byJwt = await lago.webhookEndpoints.createWebhookEndpoint({
    webhook_endpoint: { webhook_url: `${hooks}/jwt`, signature_algo: "jwt" },
  });
  const byHmac = await lago.webhookEndpoints.createWebhookEndpoint({
    webhook_endpoint: { webhook_url: `${hooks}/hmac`, signature_algo: "hmac" },
  });
  const listed = await lago.webhookEndpoints.findAllWebhookEndpoints({ per_page: 5 });
  assert.deepEqual(
    listed.data.webhook_endpoints.map((endpoint) => endpoint.lago_id),
    [byJwt, byHmac].map((made) => made.data.webhook_endpoint.lago_id),
  );
  return byHmac.data.webhook_endpoint.secret;
}

async function setUpCatalog() {
  const ids = {};
  for (const metric of story.metrics) {
    const made = await lago.billableMetrics.createBillableMetric({
      billable_metric: metric,
    });
    ids[metric.code] = made.data.billable_metric.lago_id;
  }
  const charges = story.charges.map(({ metric, ...charge }) => ({
    billable_metric_id: ids[metric],
    ...charge,
  }));
  await lago.plans.createPlan({ plan: { ...story.plan, charges } });
  const { data } = await lago.plans.findPlan("pro");
  assert.equal(data.plan.charges.length, story.charges.length);
}

async function subscribe() {
  await lago.customers.createCustomer({
    customer: { ...story.customer, email: `ada@${SERVICE}.test` },
  });
  const { data } = await lago.subscriptions.createSubscription({
    subscription: {
      ...story.subscription,
      subscription_at: new Date(startedAt * 1000).toISOString(),
    },
  });
  assert.equal(data.subscription.status, "active");
}

function eventOf({ seconds_ago, ...event }) {
  const timestamp = startedAt + 3600 - seconds_ago;
  return { external_subscription_id: "ada-1", timestamp, ...event };
}

async function sendEvents() {
  const first = eventOf(story.first_event);
  const made = await lago.events.createEvent({ event: first });
  assert.equal(made.data.event.transaction_id, first.transaction_id);
  const events = story.events.map(eventOf);
  await lago.events.createBatchEvents({ events });
  await lago.events.createBatchEvents({ events: [first, ...events.slice(0, 3)] });
}

async function readUsage() {
  const usage = await until("usage is counted", async () => {
    const { data } = await lago.customers.findCustomerCurrentUsage("ada", {
      external_subscription_id: "ada-1",
    });
    const there = data.customer_usage.amount_cents === story.amount_cents;
    return there && data.customer_usage;
  });
  const found = usage.charges_usage.map((charge) => [
    charge.billable_metric.code,
    [charge.units, charge.amount_cents],
  ]);
  assert.deepEqual(Object.fromEntries(found), story.usage);
}

async function verifyWebhooks(hmacSecret) {
  const told = await until("two webhooks come", async () => {
    const created = webhooks.filter(
      ({ body }) => JSON.parse(body).webhook_type === "customer.created",
    );
    return created.length === 2 && created;
  });
  const by = (algorithm) =>
    told.find(({ headers }) => headers["x-lago-signature-algorithm"] === algorithm);

  const hmac = by("hmac");
  assert.equal(
    hmac.headers["x-lago-signature"],
    createHmac("sha256", hmacSecret).update(hmac.body).digest("base64"),
  );

  const { data } = await lago.webhooks.fetchJsonPublicKey();
  const plain = await lago.webhooks.fetchPublicKey();
  assert.equal(plain.data, data.webhook.public_key);
  const jwt = by("jwt");
  const [header, claims, signature] = jwt.headers["x-lago-signature"].split(".");
  const key = createPublicKey(Buffer.from(data.webhook.public_key, "base64"));
  const signed = Buffer.from(`${header}.${claims}`);
  assert.ok(verify("sha256", signed, key, Buffer.from(signature, "base64url")));
  const read = JSON.parse(Buffer.from(claims, "base64url"));
  assert.deepEqual(read, { data: jwt.body.toString(), iss: API_URL });
}

async function meetRefusals() {
  const absent = await refusalOf(lago.wallets.findAllWallets({}));
  assert.equal(absent.status, 501);
  assert.match(absent.message, /Odoo/);
  const unknown = await refusalOf(lago.plans.findPlan("none"));
  assert.deepEqual([unknown.status, unknown.code], [404, "plan_not_found"]);
  const late = { ...eventOf(story.first_event), timestamp: Date.now() };
  const refused = await refusalOf(lago.events.createEvent({ event: late }));
  assert.equal(refused.status, 422);
  assert.deepEqual(refused.error_details, { timestamp: ["invalid_format"] });
}

async function terminate() {
  const { data } = await lago.subscriptions.destroySubscription("ada-1");
  assert.equal(data.subscription.status, "terminated");
}

async function refusalOf(asked) {
  try {
    await asked;
  } catch (error) {
    return getLagoError(error);
  }
  return assert.fail("it was not refused");
}

async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await sleep(200);
  }
  return assert.fail(`never: ${what}`);
}
