// Runs the exported version that lies in the folder version/ with ONNX Runtime Web.

const byId = (id) => document.getElementById(id);
ort.env.wasm.wasmPaths = new URL("node_modules/onnxruntime-web/dist/", location.href).href;
ort.env.wasm.numThreads = 1; // more need a server that sends cross-origin isolation headers

async function load() {
  const facts = await (await fetch("version/classifier.json")).json();
  const session = await ort.InferenceSession.create("version/model.onnx");
  for (const { label, png } of facts.examples) {
    const picture = new Image();
    picture.src = `data:image/png;base64,${png}`;
    picture.alt = label;
    const button = document.createElement("button");
    button.append(picture);
    button.onclick = () => classify(session, facts, picture);
    byId("examples").append(button);
  }
  byId("file").onchange = async (event) => {
    const [file] = event.target.files;
    try {
      if (file) await classify(session, facts, await createImageBitmap(file));
    } catch {
      byId("answer").textContent = `${file.name} is not an image that this browser reads`;
    }
  };
  byId("answer").textContent = "Choose an image or an example";
}

// The picture as the model wants it: its proportions kept, centred on black, grey or in colour.
function rawPixels(picture, { image_shape: [height, width, channels], preparation }) {
  const scale = Math.min(height / picture.height, width / picture.width);
  const [w, h] = [picture.width * scale, picture.height * scale];
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  const [left, top] = [Math.round((width - w) / 2), Math.round((height - h) / 2)];
  pen.fillStyle = "white"; // behind transparent pictures
  pen.fillRect(left, top, w, h);
  pen.drawImage(picture, left, top, w, h);
  const { data } = pen.getImageData(0, 0, width, height); // red, green, blue, opacity
  if (channels === 3) return new Uint8Array(data.filter((_, i) => i % 4 < 3));
  const grey = new Uint8Array(height * width);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  }
  const box = { left, top, right: left + Math.round(w), bottom: top + Math.round(h) };
  return preparation.includes("invert") ? lightOnDark(grey, width, box) : grey;
}

// What lies in the box is inverted when its border is light.
function lightOnDark(grey, width, { left, top, right, bottom }) {
  const inside = (x, y) => x >= left && x < right && y >= top && y < bottom;
  const edge = (x, y) =>
    !inside(x - 1, y) || !inside(x + 1, y) || !inside(x, y - 1) || !inside(x, y + 1);
  const place = (i) => [i % width, Math.floor(i / width)];
  const border = grey.filter((_, i) => inside(...place(i)) && edge(...place(i))).sort();
  if (border[border.length >> 1] <= 127) return grey;
  return grey.map((value, i) => (inside(...place(i)) ? 255 - value : value));
}

async function classify(session, facts, picture) {
  const [height, width, channels] = facts.image_shape;
  const pixels = rawPixels(picture, facts);
  const shape = channels === 1 ? [1, height, width] : [1, height, width, channels];
  const input = new ort.Tensor("uint8", pixels, shape);
  const { probabilities, heatmap } = await session.run({ [session.inputNames[0]]: input });
  const softened = [...probabilities.data].map((p) => p ** (1 / facts.temperature));
  const sum = softened.reduce((a, b) => a + b);
  const ranked = facts.labels
    .map((label, i) => [label, softened[i] / sum])
    .sort((a, b) => b[1] - a[1]);
  byId("answer").textContent = `${ranked[0][0]}, ${(100 * ranked[0][1]).toFixed(1)} % confident`;
  byId("bars").innerHTML = ranked
    .map(([label, share]) => `<tr><td>${label}<td><meter value="${share}"></meter>`)
    .join("");
  paint(byId("image"), pixels, width, height, channels);
  const [, mapHeight, mapWidth] = heatmap.dims;
  const strongest = Math.max(...heatmap.data, 1e-12);
  paint(byId("heatmap"), heatmap.data.map((one) => (255 * one) / strongest), mapWidth, mapHeight, 1);
  byId("heatmap").style.aspectRatio = width / height; // it lies over the whole image
}

// Values 0..255, one a pixel (grey) or three.
function paint(canvas, values, width, height, channels) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [red, green = red, blue = red] = values.slice(channels * i, channels * (i + 1));
    image.data.set([red, green, blue, 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

load().catch((error) => {
  byId("answer").textContent = `The model could not be loaded: ${error.message}`;
});
